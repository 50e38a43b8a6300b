"""The middleware around the routes, in order."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.routing import Route
from starlette.types import ASGIApp

from imagesvc.app.operations import OPERATIONS
from imagesvc.delivery.hot import HotPath, Inline
from imagesvc.server.middleware.access import AccessLog, AccessLogMiddleware
from imagesvc.server.middleware.behind_proxies import behind_proxies
from imagesvc.server.middleware.compression import CompressionMiddleware
from imagesvc.server.middleware.cors import Cors, CorsMiddleware, shared_inline
from imagesvc.server.middleware.local_only import LocalOnly, only_local
from imagesvc.server.middleware.slow_bodies import SlowBodyMiddleware
from imagesvc.server.middleware.trailing_slashes import TrailingSlashes
from imagesvc.service.service import Service
from imagesvc.settings.settings import Settings


def inside(app: ASGIApp, routes: Sequence[Route], service: Service, access: AccessLog) -> HotPath:
    """Middleware that a request passes only when memory has no answer; innermost first."""
    app = TrailingSlashes(app, routes)
    app = CompressionMiddleware(app)
    app = SlowBodyMiddleware(app, service.settings.body_timeout)
    app = AccessLogMiddleware(app, access)
    lease = service.stores.database.lease
    return HotPath(app, service.caches.memory, access.record_hit, service.urls.appended, lease)


def outside(
    hot: HotPath, settings: Settings, cors: Cors, access: AccessLog
) -> tuple[ASGIApp, Inline]:
    """Middleware that every request passes, inline responses too; innermost first."""

    def logged(app: ASGIApp) -> ASGIApp:
        return AccessLogMiddleware(app, access)

    asgi: ASGIApp = hot
    inline: Inline = hot.inline
    if not settings.has_accounts:
        asgi, inline = LocalOnly(asgi, logged), only_local(inline)
    if cors.is_on:
        asgi, inline = CorsMiddleware(asgi, cors, logged), shared_inline(inline, cors)
    paths = [operation.path for operation in OPERATIONS]
    return behind_proxies(asgi, inline, settings, paths)
