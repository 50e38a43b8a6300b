"""Streamed request bodies, including draining the body after an early error response."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Mapping
from dataclasses import dataclass

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive

from imagesvc.errors import FileTooLarge, ImagesvcError
from imagesvc.http.bodies.declared import Body, Content, Raw
from imagesvc.http.problems import CLIENT_LEFT, problem_response

DRAIN_BYTES = 8 << 20
DRAIN_SECONDS = 2.0
FILE_STARTS = frozenset(b"\x00\x89\xffBGIMR-")
"""First bytes of all accepted formats, and of forms."""


@dataclass(slots=True)
class StreamedBody:
    """A body as it arrives; it records whether its end was reached."""

    receive: Receive
    is_begun: bool = False
    is_over: bool = False
    beginning: bytes = b""
    """The first two bytes."""
    _first: bytes | None = None
    """The piece that was read ahead."""

    async def looks_like_file(self) -> bool:
        """Whether the body begins like an image or a form, and unlike a JSON object.

        Raises:
            ClientDisconnect: the client disconnected before the end.
        """
        self._first = b""
        async for piece in self._received():
            self._first = piece
            if piece:
                break
        return not FILE_STARTS.isdisjoint(self._first[:1])

    async def pieces(self) -> AsyncIterator[bytes]:
        """The pieces that have not been read yet.

        Raises:
            ClientDisconnect: the client disconnected before the end.
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
        """Read on for a moment, so that a client that is still sending can read an error response.

        A connection closed with unread bytes is reset, and the response is lost with it.
        """
        left = DRAIN_BYTES
        with contextlib.suppress(ClientDisconnect, TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                async for piece in self.pieces():
                    left -= len(piece)
                    if left < 0:
                        return


@dataclass(frozen=True, slots=True)
class Streamed(Body[StreamedBody]):
    """A body that the endpoint reads as a stream, and whose media type it checks itself."""

    content: Raw

    @property
    def contents(self) -> Mapping[str, Content]:
        """The same content in each of its media types."""
        return dict.fromkeys(self.content.media_types, self.content)

    async def read(self, request: Request) -> StreamedBody:
        """The body, before any of it has been read."""
        return StreamedBody(request.receive)


async def drained_on_error(
    request: Request, body: StreamedBody, work: Awaitable[Response]
) -> Response:
    """The response of `work`, which reads the body; after an error the body is drained first."""
    try:
        return await work
    except ClientDisconnect:
        return Response(status_code=CLIENT_LEFT)
    except ImagesvcError as error:
        if body.is_begun or "expect" not in request.headers:
            # A client that sent `Expect: 100-continue` has not started its body: reading would
            # ask for it.
            await body.drain()
        if body.is_over:
            raise
        return problem_response(error, {"connection": "close"})


def declared_length(request: Request) -> int:
    """Content-Length; 0 if the request has none."""
    length = request.headers.get("content-length", "0")
    return int(length) if length.isascii() and length.isdigit() else 0


def check_declared_length(request: Request, max_bytes: int) -> None:
    """Refuse a file that is too large before it is sent.

    Raises:
        FileTooLarge: its declared length exceeds the limit.
    """
    if declared_length(request) > max_bytes:
        raise FileTooLarge(f"The file is larger than {max_bytes:,} bytes.")
