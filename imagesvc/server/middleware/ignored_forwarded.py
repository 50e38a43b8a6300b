"""A warning when `trusted_proxies` is not set and the fields of a proxy are ignored."""

from __future__ import annotations

from collections.abc import Sequence

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from imagesvc.server.middleware.forwarded import Network, is_peer_trusted

log = structlog.get_logger()

FIELDS = frozenset(
    {
        b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-prefix",
        b"x-forwarded-proto",
    }
)  # fmt: skip


class IgnoredForwardedMiddleware:
    """Logs once that an untrusted peer sent fields of a proxy.

    Only once, because any client can send them.
    """

    def __init__(self, app: ASGIApp, trusted: Sequence[Network]) -> None:
        self._app = app
        self._trusted = trusted
        self._has_warned = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the fields until one was ignored, and call the application."""
        if not self._has_warned and scope["type"] == "http":
            self._warn(scope)
        await self._app(scope, receive, send)

    def _warn(self, scope: Scope) -> None:
        ignored = sorted({name for name, _ in scope["headers"]} & FIELDS)
        client = scope.get("client")
        if not ignored or is_peer_trusted(client, self._trusted):
            return
        self._has_warned = True
        log.warning(
            "fields of a proxy were ignored: its address is not in trusted_proxies",
            action="forwarded.ignored",
            address=client[0] if client else "unix",
            fields=", ".join(name.decode() for name in ignored),
        )
