"""Sending bytes: all, a range, none, or by the proxy in front."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path

from anyio import CancelScope
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from imagesvc.cache.content import Fetched, StoredVariant
from imagesvc.delivery.headers import Headers
from imagesvc.delivery.rules import Sendfile
from imagesvc.http.conditional import (
    ByteRange,
    check_if_match,
    check_unmodified_since,
    etag_matches,
    is_not_modified_since,
    requested_range,
)
from imagesvc.syntax.header_fields import joined_field

Stream = Callable[[int, int], AsyncIterator[bytes]]
"""Yields the bytes between two positions, in pieces."""


def is_fresh(request: Request, headers: Headers) -> bool:
    """Whether the client already has the representation with these headers.

    Entity tags have precedence over dates, which are less precise (RFC 9110, section 13.2.2).

    Raises:
        PreconditionFailed: If-Match names another one, or If-Unmodified-Since is an earlier time.
    """
    fields, etag, modified = request.headers.raw, headers["etag"], headers["last-modified"]
    match = joined_field(fields, b"if-match")
    check_if_match(match, etag)
    if match is None:
        check_unmodified_since(joined_field(fields, b"if-unmodified-since"), modified)
    none_match = joined_field(fields, b"if-none-match")
    if none_match is not None:
        return etag_matches(none_match, etag)
    return is_not_modified_since(joined_field(fields, b"if-modified-since"), modified)


def not_modified(headers: Headers) -> Response:
    """The 304 for a representation."""
    kept = {name: value for name, value in headers.items() if name != "content-type"}
    return Response(status_code=304, headers=kept)


def from_memory(request: Request, headers: Headers, body: bytes) -> Response:
    """A body in memory, or the requested range of it."""
    span = _span(request, headers["etag"], len(body))
    if span is None:
        return Response(body, headers=headers)
    headers = {**headers, "content-range": _content_range(span, len(body))}
    return Response(body[span.start : span.stop], 206, headers)


async def streamed(request: Request, headers: Headers, size: int, stream: Stream) -> Response:
    """A body that is read while it is sent, or the requested range of it.

    The first piece is read before the response begins, so that a missing file still gives an error
    status.

    Raises:
        FileNotFoundError, ImagesvcError: what `stream` raises when there is nothing to read.
    """
    span = _span(request, headers["etag"], size)
    start, stop = (0, size) if span is None else (span.start, span.stop)
    headers = {**headers, "content-length": str(stop - start)}
    if span is not None:
        headers["content-range"] = _content_range(span, size)
    status = 200 if span is None else 206
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    pieces = stream(start, stop)
    first = await anext(pieces, b"")
    return Streamed(_joined(first, pieces), pieces, status, headers)


async def fetched_body(
    request: Request, headers: Headers, fetched: Fetched, sendfile: Sendfile | None
) -> Response:
    """The body of a variant that was fetched: from memory, as it is stored, or by the proxy.

    Raises:
        FileNotFoundError: it was evicted.
    """
    content = fetched.content
    if not isinstance(content, StoredVariant):
        return from_memory(request, headers, content.body)
    sent = by_proxy(headers, content.path, sendfile)
    return sent or await streamed(request, headers, content.variant.bytes, content.stream)


def by_proxy(headers: Headers, path: Path | None, sendfile: Sendfile | None) -> Response | None:
    """An empty answer that has the proxy in front send the file; None where no proxy can."""
    if sendfile is None or path is None:
        return None
    return Response(headers={**headers, sendfile.header: sendfile.value(path)})


class Streamed(StreamingResponse):
    """A body whose source is closed when its sending ends for any reason.

    Starlette leaves the iterator of a disconnected client, and its open file, to the garbage
    collector.

    Args:
        body: what is sent.
        source: what `body` reads, or itself.
        status: of the response.
        headers: of the response.
    """

    def __init__(
        self,
        body: AsyncIterator[bytes],
        source: AsyncIterator[bytes],
        status: int,
        headers: Headers,
    ) -> None:
        super().__init__(body, status, headers)
        self._source = source

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send, and close the source."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            if isinstance(self._source, AsyncGenerator):
                with CancelScope(shield=True):
                    await self._source.aclose()


async def _joined(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    del first  # the generator would keep it while the others are sent
    async for piece in rest:
        yield piece


def _span(request: Request, etag: str, size: int) -> ByteRange | None:
    """The requested range; methods other than GET have none (RFC 9110, section 14.2)."""
    if request.method != "GET":
        return None
    fields = request.headers.raw
    span, condition = joined_field(fields, b"range"), joined_field(fields, b"if-range")
    return requested_range(span, condition, etag, size)


def _content_range(span: ByteRange, size: int) -> str:
    return f"bytes {span.start}-{span.stop - 1}/{size}"
