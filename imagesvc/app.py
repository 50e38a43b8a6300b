"""Builds the application: routes, error handlers, lifespan."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
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
from imagesvc.delivery.access import Access
from imagesvc.delivery.hot import HotPath, Inline
from imagesvc.delivery.originals import OriginalAnswers
from imagesvc.delivery.routes import Delivery
from imagesvc.delivery.rules import DeliveryRules
from imagesvc.delivery.variants import VariantAnswers
from imagesvc.errors import ImagesvcError, text_of
from imagesvc.http.bodies.uploads import UploadReader
from imagesvc.http.idempotency import Idempotency
from imagesvc.http.openapi.document import OpenApiEndpoints, document, written
from imagesvc.http.operations import Operation, operations_of
from imagesvc.http.problems import (
    on_bug,
    on_disconnect,
    on_error,
    on_http_exception,
    on_os_error,
)
from imagesvc.http.routes import Routes
from imagesvc.library.remove import Removal
from imagesvc.model.ids import ImageId
from imagesvc.model.images import Visibility
from imagesvc.server.metrics import metrics
from imagesvc.server.middleware.access import AccessLog, AccessLogMiddleware
from imagesvc.server.middleware.behind_proxies import behind_proxies
from imagesvc.server.middleware.compression import CompressionMiddleware
from imagesvc.server.middleware.cors import Cors, CorsMiddleware, shared_inline
from imagesvc.server.middleware.local_only import LocalOnly, only_local
from imagesvc.server.middleware.slow_bodies import SlowBodyMiddleware
from imagesvc.server.middleware.trailing_slashes import TrailingSlashes
from imagesvc.service.readiness import checks_of
from imagesvc.service.service import Service
from imagesvc.web.docs import DocsEndpoints
from imagesvc.web.home import HomeEndpoints

RESOURCES: tuple[type, ...] = (
    Delivery,
    UploadEndpoints,
    ImageEndpoints,
    PresignedEndpoints,
    SignedUrlEndpoints,
    EditEndpoints,
    ActionEndpoints,
    CollectionEndpoints,
    MembershipEndpoints,
    JobEndpoints,
    EventEndpoints,
    WebhookEndpoints,
    TokenEndpoints,
    UserEndpoints,
    KeyEndpoints,
    HealthEndpoints,
    MetricsEndpoints,
    HomeEndpoints,
    DocsEndpoints,
    OpenApiEndpoints,
)
"""The classes that declare operations."""
OPERATIONS: tuple[Operation, ...] = tuple(
    operation for resource in RESOURCES for operation in operations_of(resource)
)
"""Every operation of the service: the route table."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Application:
    """The ASGI application, and the inline responses from memory that bypass it."""

    asgi: ASGIApp
    inline: Inline
    cors: Cors
    refused: Counter[str]
    """Refused connections, by the setting that limits them; the server counts them."""


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
        AccessLogMiddleware(patient, access),
        service.caches.memory,
        access.record,
        service.urls.appended,
    )

    refused: Counter[str] = Counter()
    binding = Routes(
        service.accounts.authenticator,
        service.rate_limits,
        Idempotency(
            service.stores.idempotency_records, timedelta(seconds=settings.idempotency_key_lifetime)
        ),
    )
    for resource in resources_of(service, hot, access, refused):
        routes += binding.of(resource)
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
    starlette.router.redirect_slashes = False  # it would redirect to the host in the Host field

    def logged(app: ASGIApp) -> ASGIApp:
        return AccessLogMiddleware(app, access)

    asgi: ASGIApp = hot
    inline: Inline = hot.inline
    if not settings.has_accounts:
        asgi, inline = LocalOnly(hot, logged), only_local(hot.inline)
    cors = Cors.of(settings.cors_origins, has_accounts=settings.has_accounts)
    if cors.is_on:
        asgi, inline = CorsMiddleware(asgi, cors, logged), shared_inline(inline, cors)
    paths = [operation.path for operation in OPERATIONS]
    return Application(*behind_proxies(asgi, inline, settings, paths), cors, refused)


def resources_of(
    service: Service, hot: HotPath, access: AccessLog, refused: Mapping[str, int]
) -> list[object]:
    """An instance of each of `RESOURCES`, in order, with its parts of the service."""
    settings = service.settings

    def forget(image_id: ImageId) -> None:
        service.caches.images.forget(image_id)
        hot.forget_image(image_id)

    removal = Removal(
        images=service.stores.images,
        blobs=service.files.blobs,
        locks=service.files.locks,
        variants=service.caches.variants,
        runner=service.runner,
        on_removed=forget,
    )
    presets = service.transforms.preset_versions
    visibility = Visibility(settings.upload_visibility)
    events = EventEndpoints(
        service.stores.events,
        service.stores.database,
        service.accounts.authenticator,
        lambda: service.is_stopping,
    )
    return [
        _delivery(service, hot),
        UploadEndpoints(
            UploadReader(service.files.incoming, settings.max_files, settings.max_upload_size),
            service.acceptor,
            Imports(service.outbound.source, service.files.incoming, service.acceptor),
            service.stores.collections,
            presets,
            visibility,
        ),
        ImageEndpoints(
            service.stores.images,
            service.stores.collections,
            service.stores.search,
            service.caches.variants,
            removal,
            presets,
        ),
        PresignedEndpoints(
            service.stores.pending_uploads,
            service.urls.signer,
            service.files.incoming,
            service.acceptor,
            service.stores.collections,
            presets,
            settings.max_upload_size,
            visibility,
        ),
        SignedUrlEndpoints(
            service.stores.images,
            service.urls.signer,
            service.transforms.presets,
            max(1, int(settings.signed_url_max_lifetime)),
        ),
        EditEndpoints(service.stores.images, presets, forget),
        ActionEndpoints(
            service.stores.images,
            removal,
            service.stores.jobs,
            service.runner.notify,
            service.caches.variants,
            service.transforms.presets,
            service.transforms.preset_places,
            service.acceptor.eager,
            service.stores.pending_uploads,
            service.settings.job_timeout,
        ),
        CollectionEndpoints(service.stores.collections, visibility),
        MembershipEndpoints(service.stores.collections, service.stores.images, presets),
        JobEndpoints(service.stores.jobs, service.runner, service.transforms.preset_places),
        events,
        WebhookEndpoints(
            service.stores.webhooks, service.stores.deliveries, service.outbound.dispatcher
        ),
        TokenEndpoints(service.accounts.sessions, service.rate_limits),
        UserEndpoints(
            service.accounts.users,
            service.accounts.passwords,
            service.rate_limits,
            service.caches.images.forget_all,
            service.stores.images.usage,
        ),
        KeyEndpoints(service.accounts.keys, service.accounts.users),
        HealthEndpoints(checks_of(service)),
        MetricsEndpoints(lambda: metrics(service, access.answers, events.open_streams, refused)),
        HomeEndpoints(),
        DocsEndpoints(),
        OpenApiEndpoints(OPERATIONS),
    ]


def _delivery(service: Service, hot: HotPath) -> Delivery:
    access = Access(service.caches.images, service.accounts.authenticator, service.rate_limits)
    rules = DeliveryRules.of(service.settings, service.files.data_dir)
    images, variants = service.caches.images, service.caches.variants
    answers = VariantAnswers(images, variants, access, rules, hot.remember)
    originals = OriginalAnswers(
        service.files.blobs,
        service.files.verified,
        service.caches.originals,
        answers,
        access,
        rules,
    )
    return Delivery(
        access, originals, answers, service.transforms.presets, service.urls.signer, rules
    )


def api_document() -> bytes:
    """The OpenAPI document, which is the same for every service."""
    return written(document(OPERATIONS))
