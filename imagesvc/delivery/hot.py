"""The hot path: a variant in memory is answered before routing, by its URL alone.

No thread, no file, no query and no Request object: a look-up, two messages, a log line.
Everything that is not a plain GET or HEAD of a remembered URL goes on to the application.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp, Receive, Scope, Send

from imagesvc.cache.memory import Entry, MemoryCache
from imagesvc.delivery.conditional import etag_matches
from imagesvc.model import ImageId, VariantKey

RawHeaders = list[tuple[bytes, bytes]]
Url = tuple[str, bytes]
AccessRecord = Callable[[Scope, int, int, float], bytes]

MAX_URLS = 8
"""Spellings of one variant that are remembered; others take the long way and cost no memory."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What a remembered URL is answered with."""

    key: VariantKey
    image_id: ImageId
    etag: str
    headers: RawHeaders
    validators: RawHeaders  # of the 304
    body: bytes


class HotPath:
    """ASGI middleware over the memory tier; it forgets what the memory tier forgets."""

    def __init__(self, app: ASGIApp, memory: MemoryCache, record: AccessRecord) -> None:
        self._app = app
        self._memory = memory
        self._record = record
        self._answers: dict[Url, _Answer] = {}
        self._urls: dict[VariantKey, list[Url]] = {}
        memory.on_removal(self._forget_entry)

    def remember(self, url: Url, image_id: ImageId, entry: Entry, headers: RawHeaders) -> None:
        """Answer `url` with this entry from now on, as long as memory holds it."""
        key = entry.variant.key
        urls = self._urls.setdefault(key, [])
        if self._memory.get(key) is not entry or url in self._answers or len(urls) >= MAX_URLS:
            if not urls:
                del self._urls[key]
            return
        urls.append(url)
        etag = next(value for name, value in headers if name == b"etag").decode("latin-1")
        validators = [
            item for item in headers if item[0] not in {b"content-length", b"content-type"}
        ]
        self._answers[url] = _Answer(key, image_id, etag, headers, validators, entry.body)

    def forget_image(self, image_id: ImageId) -> None:
        """Answer no URL of this image any more."""
        for url in [url for url, answer in self._answers.items() if answer.image_id == image_id]:
            answer = self._answers.pop(url)
            self._urls[answer.key].remove(url)
            if not self._urls[answer.key]:
                del self._urls[answer.key]

    def _forget_entry(self, entry: Entry) -> None:
        for url in self._urls.pop(entry.variant.key, ()):
            del self._answers[url]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from memory, or pass on."""
        if scope["type"] == "http":
            answer = self._answers.get((scope["path"], scope["query_string"]))
            if answer is not None and scope["method"] in {"GET", "HEAD"}:
                conditional = None
                for name, value in scope["headers"]:
                    if name == b"if-none-match" and conditional is None:
                        conditional = value
                    elif name in {b"range", b"if-match", b"if-none-match"}:
                        break
                else:
                    await self._answer(answer, conditional, scope, send)
                    return
        await self._app(scope, receive, send)

    async def _answer(
        self, answer: _Answer, conditional: bytes | None, scope: Scope, send: Send
    ) -> None:
        began = time.perf_counter()
        self._memory.get(answer.key)  # the most recently used now
        if conditional is not None and etag_matches(conditional.decode("latin-1"), answer.etag):
            status, headers, body = 304, answer.validators, b""
        else:
            status, headers, body = 200, answer.headers, answer.body
        request_id = self._record(scope, status, len(body), began)
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [*headers, (b"x-request-id", request_id)],
            }
        )
        await send({"type": "http.response.body", "body": body})
