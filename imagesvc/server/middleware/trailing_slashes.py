"""URLs with an additional slash at the end are redirected to the URL without it.

A browser is redirected, so that relative URLs and caches see one address. The target is relative to
the requested URL: it cannot lead to another site, and works below a proxy's prefix. Other methods
are served directly, since many clients do not send a body twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

REDIRECTED = frozenset({"GET", "HEAD"})


class TrailingSlashes:
    """ASGI middleware that removes a slash from the end of a path.

    Args:
        app: the application.
        routes: the known routes.
    """

    def __init__(self, app: ASGIApp, routes: Sequence[Route]) -> None:
        self._app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application, or redirect."""
        if scope["type"] != "http" or not self._ends_too_late(scope["path"]):
            await self._app(scope, receive, send)
        elif scope["method"] in REDIRECTED:
            location = {"location": _target(scope)}
            await Response(status_code=308, headers=location)(scope, receive, send)
        else:
            await self._app({**scope, "path": scope["path"][:-1]}, receive, send)

    def _ends_too_late(self, path: str) -> bool:
        is_candidate = path.endswith("/") and path != "/" and "//" not in path
        return is_candidate and any(route.path_regex.match(path[:-1]) for route in self._routes)


def _target(scope: Scope) -> str:
    last = quote(scope["path"].rsplit("/", 2)[-2], safe="")
    query = scope["query_string"].decode("latin-1")
    return f"../{last}?{query}" if query else f"../{last}"
