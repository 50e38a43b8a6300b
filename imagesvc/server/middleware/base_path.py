"""The path that the service is mounted at, and what its URLs begin with.

A proxy may take its prefix off the path or leave it there. Both work: the prefix is taken off here
where one of the service's own paths follows it. Behind this middleware, paths are those of the
routes, so that routes, caches and signatures do not depend on the prefix.
"""

from __future__ import annotations

from collections.abc import Iterable

from starlette.types import ASGIApp, Receive, Scope, Send

from imagesvc.http.requests import BASE, ORIGIN, PREFIX


class BasePathMiddleware:
    """Takes the prefix off the path, and puts what URLs begin with into the ASGI scope.

    Args:
        app: what answers.
        prefix: of paths, such as `/media`; empty at the root.
        base_url: what URLs begin with: the prefix, or an absolute URL.
        paths: of the routes.
    """

    def __init__(self, app: ASGIApp, prefix: str, base_url: str, paths: Iterable[str]) -> None:
        self._app = app
        self._prefix = prefix
        self._base_url = base_url
        self._is_absolute = base_url != prefix
        self._own = frozenset(map(_first, paths)) - {""}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Correct the scope, and pass on."""
        await self._app(self.corrected(scope), receive, send)

    def corrected(self, scope: Scope) -> Scope:
        """The scope as it is for a service at the root."""
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
        """A path without the prefix, where it has it.

        `/images/ID` below the prefix `/images` comes from a proxy that took the prefix off: no
        path of the service follows.
        """
        if not prefix or not path.startswith(prefix):
            return path
        rest = path.removeprefix(prefix)
        if rest in {"", "/"}:
            return path if _first(path) in self._own else "/"
        return rest if rest[0] == "/" and _first(rest) in self._own else path


def _first(path: str) -> str:
    return path.split("/", 2)[1]
