"""The path at which the service is mounted, and the prefix of its URLs.

A proxy may remove its prefix from the path or keep it. Both work: the prefix is removed here if one
of the service's own paths follows it. Behind this middleware, paths are those of the routes, so
that routes, caches and signatures do not depend on the prefix.
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from imagesvc.syntax.url_bases import BASE, ORIGIN, PREFIX


class BasePathMiddleware:
    """Removes the prefix from the path, and adds the prefix of URLs to the ASGI scope.

    Args:
        app: the application.
        prefix: of paths, such as `/media`; empty at the root.
        base_url: the prefix of URLs, which is a path or an absolute URL.
        paths: of the routes.
    """

    def __init__(self, app: ASGIApp, prefix: str, base_url: str, paths: Iterable[str]) -> None:
        self._app = app
        self._prefix = prefix
        self._base_url = base_url
        self._is_absolute = base_url != prefix
        self._own = frozenset(map(_first, paths)) - {""}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Correct the scope, and call the application."""
        await self._app(self.corrected(scope), receive, send)

    def corrected(self, scope: Scope) -> Scope:
        """The scope as for a service at the root."""
        if scope["type"] != "http":
            return scope
        prefix = self._prefix if self._is_absolute else scope.get(PREFIX, self._prefix)
        base = self._base_url if self._is_absolute else prefix
        if not base:
            return scope
        corrected = {**scope, "path": self._without(prefix, scope["path"]), BASE: base}
        if self._is_absolute:
            corrected.pop(ORIGIN, None)
        return corrected

    def _without(self, prefix: str, path: str) -> str:
        """A path without the prefix.

        `/images/ID` below the prefix `/images` is unchanged: no path of the service follows the
        prefix, so a proxy has already removed it.
        """
        if not prefix or not path.startswith(prefix):
            return path
        rest = path.removeprefix(prefix)
        if rest in {"", "/"}:
            return path if _first(path) in self._own else "/"
        return rest if rest[0] == "/" and _first(rest) in self._own else path


def _first(path: str) -> str:
    return path.split("/", 2)[1]
