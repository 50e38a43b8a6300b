"""Makes the application: the routes of its resources, within the middleware."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Route
from starlette.types import ASGIApp

from imagesvc.app.gallery import templates_of
from imagesvc.app.lifespan import Lifespan, LoggedOnce
from imagesvc.app.middleware import inside, outside
from imagesvc.app.resources import events_of, resources_of
from imagesvc.delivery.hot import Inline
from imagesvc.errors import ImagesvcError, RateLimited
from imagesvc.http.idempotency import Idempotency
from imagesvc.http.problems import (
    on_bug,
    on_disconnect,
    on_error,
    on_http_exception,
    on_os_error,
)
from imagesvc.http.routes import Routes
from imagesvc.server.metrics.loop_lag import LoopLag
from imagesvc.server.metrics.metrics import metrics
from imagesvc.server.middleware.access import AccessLog
from imagesvc.server.middleware.cors import Cors
from imagesvc.service.service import Service
from imagesvc.web.failures import Failures


@dataclass(frozen=True, slots=True)
class Application:
    """The ASGI application, and the inline responses from memory that bypass it."""

    asgi: ASGIApp
    inline: Inline
    cors: Cors
    access: AccessLog
    """The log of requests, and of the connections that the server refuses."""


def create_app(service: Service, *, logs_as_json: bool = True) -> Application:
    """The application of a service, which its lifespan opens and closes."""
    settings = service.settings
    access = AccessLog(
        as_json=logs_as_json,
        enabled=settings.log_level in {"debug", "info"},
        node=settings.node_name,
    )
    events = events_of(service)
    lag = LoopLag()
    lifespan = Lifespan(service, access, lag)
    starlette = _starlette(lifespan)
    failures = Failures(templates_of(service))
    starlette.add_exception_handler(RateLimited, failures.on_rate_limited)

    routes: list[Route] = []  # of resources that use the middleware, which looks at the routes
    hot = inside(LoggedOnce(starlette, lifespan), routes, service, access)
    resources = resources_of(
        service,
        hot,
        events,
        failures,
        lambda: metrics(service, access.figures, events.open_streams, lag),
    )
    routes += _routes_of(service, resources)
    starlette.router.routes.extend(routes)

    cors = Cors.of(settings.cors_origins, has_accounts=settings.has_accounts)
    asgi, inline = outside(hot, settings, cors, access)
    return Application(asgi, inline, cors, access)


def _starlette(lifespan: Lifespan) -> Starlette:
    """The application without routes."""
    starlette = Starlette(
        exception_handlers={
            ImagesvcError: on_error,
            HTTPException: on_http_exception,
            OSError: on_os_error,
            ClientDisconnect: on_disconnect,
            Exception: on_bug,
        },
        lifespan=lifespan.run,
    )
    starlette.router.redirect_slashes = False  # it would redirect to the host in the Host field
    return starlette


def _routes_of(service: Service, resources: Sequence[object]) -> list[Route]:
    lifetime = timedelta(seconds=service.settings.idempotency_key_lifetime)
    binding = Routes(
        service.accounts.authenticator,
        service.rate_limits,
        Idempotency(service.stores.idempotency_records, lifetime),
    )
    return [route for resource in resources for route in binding.of(resource)]
