"""JSON and HTML compressed with gzip for clients that accept it.

Only responses to GET and HEAD are compressed: they contain no new secrets next to data of the
client. An entity tag of JSON is the version of editable fields, and stays the same.
"""

from __future__ import annotations

import gzip

from anyio import to_thread
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imagesvc.syntax.header_fields import accepts_gzip, joined_field

MIN_BYTES = 1024
"""A smaller response fits into one or two packets uncompressed."""
MAX_INLINE_BYTES = 16 << 10
"""A larger response is compressed in a thread."""
LEVEL = 5
MEDIA_TYPES = frozenset({
    "application/json", "application/problem+json", "application/vnd.oai.openapi+json",
    "text/html", "text/plain",
})  # fmt: skip


class CompressionMiddleware:
    """ASGI middleware that compresses responses that are sent in one piece."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application; responses to reads are compressed if possible."""
        if scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}:
            send = _Answer(scope, send).send
        await self._app(scope, receive, send)


class _Answer:
    """One response; its head is held back until the body, if that may be compressed."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._head: Message | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_compressible(message):
            MutableHeaders(raw=message["headers"]).add_vary_header("Accept-Encoding")
            if accepts_gzip(joined_field(self._scope["headers"], b"accept-encoding")):
                self._head = message
                return
        if self._head is not None:
            head, self._head = self._head, None
            if not message.get("more_body", False):
                message = {**message, "body": await _compressed(message.get("body", b""))}
                headers = MutableHeaders(raw=head["headers"])
                headers["content-encoding"] = "gzip"
                headers["content-length"] = str(len(message["body"]))
            await self._send(head)
        await self._send(message)


def _is_compressible(start: Message) -> bool:
    headers = MutableHeaders(raw=start["headers"])
    if headers.get("content-type", "").partition(";")[0].strip() not in MEDIA_TYPES:
        return False
    is_plain = "content-encoding" not in headers and "content-range" not in headers
    return is_plain and int(headers.get("content-length", "0")) >= MIN_BYTES


async def _compressed(body: bytes) -> bytes:
    if len(body) <= MAX_INLINE_BYTES:
        return gzip.compress(body, LEVEL, mtime=0)
    return await to_thread.run_sync(lambda: gzip.compress(body, LEVEL, mtime=0))
