"""Slow bodies: a request whose body stalls is answered 408."""

from __future__ import annotations

import asyncio
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imagesvc.errors import RequestTimeout
from imagesvc.server.request_heads import declares_body

MIN_RATE = 500
"""The minimum rate of a body in bytes a second; a slow trickle would never stall."""


class SlowBodyMiddleware:
    """Limits the time that the application waits for each piece of a body."""

    def __init__(self, app: ASGIApp, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application; `receive` raises `RequestTimeout` when the body is too slow."""
        if scope["type"] == "http" and declares_body(dict(scope["headers"])):
            receive = _Body(receive, self._seconds).next
        await self._app(scope, receive, send)


class _Body:
    """A body while it is received, with its waiting time."""

    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive = receive
        self._seconds = seconds
        self._bytes = 0
        self._waited = 0.0
        self._is_over = False
        self._is_late = False

    async def next(self) -> Message:
        """The next message; after the end of the body, the disconnect message."""
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
            raise RequestTimeout("The body did not arrive in time.") from None
        self._waited += time.monotonic() - began
        self._bytes += len(message.get("body", b""))
        self._is_over = not message.get("more_body", False)
        return message
