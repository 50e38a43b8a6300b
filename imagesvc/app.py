"""Builds the application: routes, error handlers, lifespan; nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from imagesvc.access import AccessLog, AccessLogMiddleware
from imagesvc.api.health import HealthEndpoints
from imagesvc.api.images import ImageEndpoints
from imagesvc.api.imports import Imports
from imagesvc.api.jobs import JobEndpoints
from imagesvc.api.metrics import MetricsEndpoints
from imagesvc.api.problems import on_bug, on_error, on_http_exception
from imagesvc.api.uploads import UploadEndpoints
from imagesvc.cache.removal import Removal
from imagesvc.delivery.hot import HotPath
from imagesvc.delivery.routes import Delivery
from imagesvc.errors import ImagesvcError
from imagesvc.figures import figures
from imagesvc.model import ImageId
from imagesvc.service import Service
from imagesvc.store.incoming import Incoming
from imagesvc.web import home


def create_app(service: Service, *, logs_as_json: bool = True) -> ASGIApp:
    """The ASGI application of a service, which its lifespan opens and closes."""
    settings = service.settings
    access = AccessLog(as_json=logs_as_json, enabled=settings.log_level in {"debug", "info"})

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await service.open()
        try:
            yield
        finally:
            await service.close()
            access.flush()

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        await starlette(scope, receive, send)

    hot = HotPath(AccessLogMiddleware(inner, access), service.memory, access.record)

    def on_removed(image_id: ImageId) -> None:
        service.image_cache.forget(image_id)
        hot.forget_image(image_id)

    removal = Removal(
        images=service.images,
        blobs=service.blobs,
        locks=service.locks,
        variants=service.variants,
        files=service.variant_files,
        runner=service.runner,
        on_removed=on_removed,
    )
    names = frozenset(service.presets)
    incoming = Incoming(
        service.data_dir,
        max_bytes=settings.max_upload_size,
        min_free_bytes=settings.min_free_space,
    )
    starlette = Starlette(
        routes=[
            *Delivery(
                service.image_cache, service.blobs, service.variants, service.presets, hot.remember
            ).routes(),
            *UploadEndpoints(
                incoming,
                service.ingest,
                Imports(service.source, incoming, service.ingest),
                names,
                settings.max_files,
                settings.max_upload_size,
            ).routes(),
            *ImageEndpoints(service.images, service.variants, removal, names).routes(),
            *JobEndpoints(service.jobs, service.runner).routes(),
            *HealthEndpoints(
                {
                    "database": service.check_database,
                    "disk": service.check_disk,
                    "workers": service.check_workers,
                }
            ).routes(),
            *MetricsEndpoints(lambda: figures(service, access.answers)).routes(),
            *home.routes(),
        ],
        exception_handlers={
            ImagesvcError: on_error,
            HTTPException: on_http_exception,
            Exception: on_bug,
        },
        lifespan=lifespan,
    )
    starlette.router.redirect_slashes = False  # it would send people where the Host field says
    return hot
