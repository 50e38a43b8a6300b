"""Bodies that are streamed: read piece by piece, and refused so that the refusal is read."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive

from imagesvc.errors import FileTooLarge, ImagesvcError
from imagesvc.http.problems import problem_response

DRAIN_BYTES = 8 << 20
DRAIN_SECONDS = 2.0
FILE_STARTS = frozenset(b"\x00\x89\xffBGIMR-")
"""First bytes of all formats that are taken, and of forms."""


@dataclass(slots=True)
class StreamedBody:
    """The body as it comes, which knows whether it has come to its end."""

    receive: Receive
    is_begun: bool = False
    is_over: bool = False
    beginning: bytes = b""
    """The first two bytes."""
    _first: bytes | None = None
    """What has been looked at ahead of time."""

    async def looks_like_file(self) -> bool:
        """Whether the body begins like an image or a form, and unlike a JSON object.

        Raises:
            ClientDisconnect: the client has gone before its end.
        """
        self._first = b""
        async for piece in self._received():
            self._first = piece
            if piece:
                break
        return not FILE_STARTS.isdisjoint(self._first[:1])

    async def pieces(self) -> AsyncIterator[bytes]:
        """What is still to come.

        Raises:
            ClientDisconnect: the client has gone before its end.
        """
        if self._first is not None:
            first, self._first = self._first, None
            yield first
        async for piece in self._received():
            yield piece

    async def _received(self) -> AsyncIterator[bytes]:
        self.is_begun = True
        while not self.is_over:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                self.is_over = True
                raise ClientDisconnect
            self.is_over = not message.get("more_body", False)
            piece = message.get("body", b"")
            self.beginning = self.beginning or piece[:2]
            yield piece

    async def drain(self) -> None:
        """Read on for a moment, so that a client that is still sending can read the refusal.

        A connection closed with unread bytes is reset, and the answer is lost with it.
        """
        left = DRAIN_BYTES
        with contextlib.suppress(ClientDisconnect, TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                async for piece in self.pieces():
                    left -= len(piece)
                    if left < 0:
                        return


async def heard_out(request: Request, body: StreamedBody, work: Awaitable[Response]) -> Response:
    """The answer of `work`, which reads the body; a refusal reaches a client that still sends."""
    try:
        return await work
    except ClientDisconnect:
        return Response(status_code=400)  # nobody reads it; nothing is left
    except ImagesvcError as error:
        if body.is_begun or "expect" not in request.headers:
            await body.drain()  # else the client waits for leave, and would be given it
        if body.is_over:
            raise
        return problem_response(error, {"connection": "close"})


def declared_length(request: Request) -> int:
    """Content-Length; 0 when the body says none."""
    length = request.headers.get("content-length", "0")
    return int(length) if length.isdigit() else 0


def check_declared_length(request: Request, max_bytes: int) -> None:
    """Refuse a file before it is sent.

    Raises:
        FileTooLarge: it says that it is.
    """
    if declared_length(request) > max_bytes:
        raise FileTooLarge(f"The file is larger than {max_bytes:,} bytes.")
