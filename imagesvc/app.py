"""Builds the application: routes, error handlers, lifespan; nothing else."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imagesvc.api.accounts.api_keys import KeyEndpoints
from imagesvc.api.accounts.tokens import TokenEndpoints
from imagesvc.api.accounts.users import UserEndpoints
from imagesvc.api.collections import CollectionEndpoints
from imagesvc.api.events import EventEndpoints
from imagesvc.api.health import HealthEndpoints
from imagesvc.api.images.actions import ActionEndpoints
from imagesvc.api.images.edits import EditEndpoints
from imagesvc.api.images.images import ImageEndpoints
from imagesvc.api.images.imports import Imports
from imagesvc.api.images.presigned import PresignedEndpoints
from imagesvc.api.images.signed_urls import SignedUrlEndpoints
from imagesvc.api.images.uploads import UploadEndpoints
from imagesvc.api.jobs import JobEndpoints
from imagesvc.api.memberships import MembershipEndpoints
from imagesvc.api.metrics import MetricsEndpoints
from imagesvc.api.webhooks import WebhookEndpoints
from imagesvc.delivery.hot import AtOnce, HotPath
from imagesvc.delivery.routes import Delivery
from imagesvc.delivery.rules import DeliveryRules, Sendfile
from imagesvc.errors import ImagesvcError, text_of
from imagesvc.http.bodies.uploads import UploadReader
from imagesvc.http.idempotency import Idempotency
from imagesvc.http.openapi.document import OpenApiEndpoints, document, written
from imagesvc.http.operations import Operation
from imagesvc.http.problems import (
    on_bug,
    on_disconnect,
    on_error,
    on_http_exception,
    on_os_error,
)
from imagesvc.library.remove import Removal
from imagesvc.model import Format, ImageId, Visibility
from imagesvc.server.figures import figures
from imagesvc.server.middleware.access import AccessLog, AccessLogMiddleware
from imagesvc.server.middleware.base_path import BasePathMiddleware
from imagesvc.server.middleware.compression import CompressionMiddleware
from imagesvc.server.middleware.cors import Cors, CorsMiddleware, shared_at_once
from imagesvc.server.middleware.forwarded import ForwardedMiddleware
from imagesvc.server.middleware.local_only import LocalOnly, only_local
from imagesvc.server.middleware.slow_bodies import SlowBodyMiddleware
from imagesvc.server.middleware.trailing_slashes import TrailingSlashes
from imagesvc.service import Service
from imagesvc.settings import Settings
from imagesvc.store.files.data_dir import DataDir
from imagesvc.web import docs, home

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Application:
    """The ASGI application, and the way past it of what can be answered from memory at once."""

    asgi: ASGIApp
    at_once: AtOnce
    cors: Cors
    refused: Counter[str]
    """Connections refused, by the setting that limits them; the server counts them."""


def create_app(service: Service, *, logs_as_json: bool = True) -> Application:
    """The application of a service, which its lifespan opens and closes."""
    settings = service.settings
    access = AccessLog(as_json=logs_as_json, enabled=settings.log_level in {"debug", "info"})

    is_told = False

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        nonlocal is_told
        try:
            await service.open()
            yield
        except (ImagesvcError, OSError) as error:
            is_told = True
            code = error.code if isinstance(error, ImagesvcError) else ImagesvcError.code
            log.error("cannot start", action="service.failed", code=code, error=text_of(error))
            raise
        finally:
            await service.close()
            access.flush()

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        async def without_traceback(message: Message) -> None:
            if is_told and message["type"] == "lifespan.startup.failed":
                message = {**message, "message": ""}  # a traceback, which uvicorn would log
            await send(message)

        is_http = scope["type"] == "http"
        await starlette(scope, receive, send if is_http else without_traceback)

    routes: list[Route] = []
    patient = SlowBodyMiddleware(
        CompressionMiddleware(TrailingSlashes(inner, routes)), settings.body_timeout
    )
    hot = HotPath(
        AccessLogMiddleware(patient, access), service.memory, access.record, service.appended
    )

    refused: Counter[str] = Counter()
    operations = operations_of(service, hot, access, refused)
    routes += [
        operation.route(service.authenticator, service.rate_limits) for operation in operations
    ]
    starlette = Starlette(
        routes=routes,
        exception_handlers={
            ImagesvcError: on_error,
            HTTPException: on_http_exception,
            OSError: on_os_error,
            ClientDisconnect: on_disconnect,
            Exception: on_bug,
        },
        lifespan=lifespan,
    )
    starlette.router.redirect_slashes = False  # it would send people where the Host field says

    def logged(app: ASGIApp) -> ASGIApp:
        return AccessLogMiddleware(app, access)

    asgi: ASGIApp = hot
    at_once: AtOnce = hot.at_once
    if not settings.has_accounts:
        asgi, at_once = LocalOnly(hot, logged), only_local(hot.at_once)
    cors = Cors.of(settings.cors_origins, has_accounts=settings.has_accounts)
    if cors.is_on:
        asgi, at_once = CorsMiddleware(asgi, cors, logged), shared_at_once(at_once, cors)
    return behind_proxies(Application(asgi, at_once, cors, refused), settings, operations)


def behind_proxies(
    application: Application, settings: Settings, operations: Iterable[Operation]
) -> Application:
    """The application for requests as the proxies in front send them, if there are any."""
    asgi, at_once = application.asgi, application.at_once
    if settings.base_url or settings.trusted_proxies:
        paths = [operation.path for operation in operations]
        asgi = mounted = BasePathMiddleware(asgi, settings.prefix, settings.base_url, paths)
        at_once = corrected_first(mounted, at_once)
    if settings.trusted_proxies:
        asgi = forwarded = ForwardedMiddleware(asgi, settings.trusted_proxies)
        at_once = corrected_first(forwarded, at_once)
    return replace(application, asgi=asgi, at_once=at_once)


def corrected_first(
    middleware: BasePathMiddleware | ForwardedMiddleware, at_once: AtOnce
) -> AtOnce:
    """What is answered at once, asked with the scope that a middleware corrects."""
    return lambda scope: at_once(middleware.corrected(scope))


def operations_of(
    service: Service, hot: HotPath, access: AccessLog, refused: Mapping[str, int]
) -> list[Operation]:
    """Every operation of a service: the one table of routes."""
    settings = service.settings

    def forget(image_id: ImageId) -> None:
        service.image_cache.forget(image_id)
        hot.forget_image(image_id)

    removal = Removal(
        images=service.images,
        blobs=service.blobs,
        locks=service.locks,
        variants=service.variants,
        files=service.variant_files,
        runner=service.runner,
        on_removed=forget,
    )
    presets = service.preset_versions
    visibility = Visibility(settings.upload_visibility)
    idempotency = Idempotency(
        service.receipts, timedelta(seconds=settings.idempotency_key_lifetime)
    )
    events = EventEndpoints(
        service.events, service.database, service.authenticator, lambda: service.is_stopping
    )
    operations: list[Operation] = [
        *Delivery(
            images=service.image_cache,
            blobs=service.blobs,
            verified=service.verified,
            variants=service.variants,
            originals=service.originals,
            presets=service.presets,
            signer=service.signer,
            authenticator=service.authenticator,
            limits=service.rate_limits,
            rules=delivery_rules(settings, service.data_dir),
            remember=hot.remember,
        ).operations(),
        *UploadEndpoints(
            UploadReader(service.incoming, settings.max_files, settings.max_upload_size),
            service.ingest,
            Imports(service.source, service.incoming, service.ingest),
            service.collections,
            idempotency,
            presets,
            visibility,
        ).operations(),
        *ImageEndpoints(
            service.images, service.collections, service.search, service.variants, removal, presets
        ).operations(),
        *PresignedEndpoints(
            service.upload_slots,
            service.signer,
            service.incoming,
            service.ingest,
            service.collections,
            presets,
            settings.max_upload_size,
            visibility,
        ).operations(),
        *SignedUrlEndpoints(
            service.images,
            service.signer,
            service.presets,
            max(1, int(settings.signed_url_max_lifetime)),
        ).operations(),
        *EditEndpoints(service.images, presets, forget).operations(),
        *ActionEndpoints(
            service.images,
            removal,
            service.jobs,
            service.runner.notify,
            service.variants,
            service.presets,
            service.preset_places,
            service.ingest.eager,
            idempotency,
            service.upload_slots,
            service.settings.job_timeout,
        ).operations(),
        *CollectionEndpoints(service.collections, visibility).operations(),
        *MembershipEndpoints(service.collections, service.images, presets).operations(),
        *JobEndpoints(service.jobs, service.runner, service.preset_places).operations(),
        *events.operations(),
        *WebhookEndpoints(service.webhooks, service.deliveries, service.dispatcher).operations(),
        *TokenEndpoints(service.accounts.sessions, service.rate_limits).operations(),
        *UserEndpoints(
            service.accounts.users,
            service.accounts.passwords,
            service.rate_limits,
            service.image_cache.forget_all,
            service.images.usage,
        ).operations(),
        *KeyEndpoints(service.accounts.keys, service.accounts.users).operations(),
        *HealthEndpoints(
            {
                "database": service.check_database,
                "data_dir": service.check_data_dir,
                "disk": service.check_disk,
                "workers": service.check_workers,
            }
        ).operations(),
        *MetricsEndpoints(
            lambda: figures(service, access.answers, events.open_streams, refused)
        ).operations(),
        *home.operations(),
        *docs.operations(),
    ]
    operations += OpenApiEndpoints(operations).operations()
    return operations


def api_document() -> bytes:
    """The OpenAPI document, which is the same for every service."""
    with TemporaryDirectory() as folder:
        service = Service(Settings(data_dir=Path(folder)))
        access = AccessLog(as_json=True, enabled=False)
        hot = HotPath(PlainTextResponse(), service.memory, access.record, service.appended)
        try:
            return written(document(operations_of(service, hot, access, {})))
        finally:
            service.locks.close()


def delivery_rules(settings: Settings, data_dir: DataDir) -> DeliveryRules:
    """What the settings say about delivery."""
    sendfile = None
    if settings.sendfile == "x-accel-redirect":
        sendfile = Sendfile("x-accel-redirect", data_dir.root, settings.sendfile_prefix)
    elif settings.sendfile == "x-sendfile":
        sendfile = Sendfile("x-sendfile", data_dir.root, f"{data_dir.root}/")
    return DeliveryRules(
        policy=settings.transform_policy,
        allow_debug=settings.allow_debug,
        auto_formats=tuple(Format(name) for name in settings.auto_formats),
        avif_max_pixels=settings.avif_max_pixels,
        sendfile=sendfile,
        cache_tag_header=settings.cache_tag_header,
        max_age=int(settings.max_age),
        stale_while_revalidate=int(settings.stale_while_revalidate),
    )
