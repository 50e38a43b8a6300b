"""Bodies that do not come: a request whose body stalls is answered 408."""

from __future__ import annotations

import asyncio
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imagesvc.errors import RequestTimeout
from imagesvc.server.request_heads import declares_body

MIN_RATE = 500
"""Bytes a second that a body must keep up, lest one that drips never stalls."""


class SlowBodyMiddleware:
    """Bounds the time that the application waits for each piece of a body."""

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on; `receive` raises `RequestTimeout` once the body is too slow."""
        if scope["type"] == "http" and declares_body(scope["headers"]):
            receive = _Body(receive, self._seconds).next
        await self._app(scope, receive, send)


class _Body:
    """A body on its way in, and how long it was waited for."""

    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive = receive
        self._seconds = seconds
        self._bytes = 0
        self._waited = 0.0
        self._is_over = False
        self._is_late = False

    async def next(self) -> Message:
        """The next message; after the body's end, that of the client's leaving."""
        if self._is_over:
            return await self._receive()
        if self._is_late:
            return {"type": "http.disconnect"}
        earned = self._seconds + self._bytes / MIN_RATE - self._waited
        began = time.monotonic()
        try:
            async with asyncio.timeout(max(0.0, min(self._seconds, earned))):
                message = await self._receive()
        except TimeoutError:
            self._is_late = True
            raise RequestTimeout("The body did not come in time.") from None
        self._waited += time.monotonic() - began
        self._bytes += len(message.get("body", b""))
        self._is_over = not message.get("more_body", False)
        return message
