"""The hot path: a variant in memory is answered before routing, by its URL only.

It needs no thread, file, query or Request object: only a look-up, two messages and a log line. It
also needs no task if the server calls `inline` first. Every other request than a plain GET or HEAD
of a remembered URL is passed to the application.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imagesvc.cache.memory import Entry, MemoryCache
from imagesvc.http.conditional import etag_matches
from imagesvc.model.ids import ImageId, VariantKey
from imagesvc.syntax.appended import Appended
from imagesvc.syntax.header_fields import joined_field

RawHeaders = list[tuple[bytes, bytes]]
Url = tuple[str, bytes]
CacheKey = tuple[Url, str | None]
"""A URL, and the Accept field of its response; None if the response is for all."""
Inline = Callable[[Scope], tuple[bytes, bytes] | None]
"""The response to a request, if it is in memory: status line and fields, and the body."""
AccessRecord = Callable[[Scope, int, int, float], bytes]

MAX_CACHE_KEYS = 16
"""The maximum of remembered requests for one variant; others use the normal route."""
MAX_ACCEPT_BYTES = 512
MAX_INLINE_BYTES = 64 << 10
"""Larger bodies are sent by the application, as fast as their client reads."""
_OK, _NOT_MODIFIED = b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 304 Not Modified\r\n"
METHODS = frozenset({"GET", "HEAD"})
PREFIXES = ("/images/", "/blurred-images/")
CONDITIONS = frozenset({
    b"range", b"if-match", b"if-none-match", b"if-modified-since", b"if-unmodified-since",
})  # fmt: skip
"""Fields that affect the response; requests with any but If-None-Match are passed on."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """The response for a remembered cache key."""

    key: VariantKey
    image_id: ImageId
    etag: str
    headers: RawHeaders
    validators: RawHeaders  # of the 304
    head: bytes
    validators_head: bytes
    body: bytes


class HotPath:
    """ASGI middleware over the memory tier; entries are removed together with those of the tier."""

    def __init__(
        self, app: ASGIApp, memory: MemoryCache, record: AccessRecord, appended: Appended
    ) -> None:
        self._app = app
        self._memory = memory
        self._record = record
        self._appended = appended
        self._answers: dict[Url, dict[str | None, _Answer]] = {}
        self._cache_keys: dict[VariantKey, list[CacheKey]] = {}
        self._leaders: dict[Url, asyncio.Event] = {}
        memory.on_removal(self._forget_entry)

    def remember(self, scope: Scope, image_id: ImageId, entry: Entry, headers: RawHeaders) -> None:
        """Answer equal requests with this entry, as long as it is in memory."""
        key = entry.variant.key
        url, accept = self._cleaned(scope), None
        if any(name == b"vary" for name, _value in headers):
            accept = joined_field(scope["headers"], b"accept") or ""
        known = self._answers.get(url, {})
        cache_keys = self._cache_keys.get(key, [])
        if (
            self._memory.get(key) is not entry
            or accept in known
            or len(cache_keys) >= MAX_CACHE_KEYS
            or len(accept or "") > MAX_ACCEPT_BYTES
        ):
            return
        etag = next(value for name, value in headers if name == b"etag").decode("latin-1")
        validators = [
            item for item in headers if item[0] not in {b"content-length", b"content-type"}
        ]
        heads = _head(_OK, headers), _head(_NOT_MODIFIED, validators)
        answer = _Answer(key, image_id, etag, headers, validators, *heads, entry.body)
        self._answers.setdefault(url, {})[accept] = answer
        self._cache_keys.setdefault(key, []).append((url, accept))

    def forget_image(self, image_id: ImageId) -> None:
        """Remove the responses of all URLs of this image."""
        gone = [
            (answer.key, (url, accept))
            for url, answers in self._answers.items()
            for accept, answer in answers.items()
            if answer.image_id == image_id
        ]
        for key, cache_key in gone:
            self._drop(cache_key)
            self._cache_keys[key].remove(cache_key)
            if not self._cache_keys[key]:
                del self._cache_keys[key]

    def _forget_entry(self, entry: Entry) -> None:
        for cache_key in self._cache_keys.pop(entry.variant.key, ()):
            self._drop(cache_key)

    def _drop(self, cache_key: CacheKey) -> None:
        url, accept = cache_key
        answers = self._answers[url]
        del answers[accept]
        if not answers:
            del self._answers[url]

    def inline(self, scope: Scope) -> tuple[bytes, bytes] | None:
        """The response to a plain GET of a remembered URL: status line and fields, and the body."""
        if scope["method"] != "GET":
            return None
        known = self._find(scope)
        if known is None:
            return None
        answer, conditional = known
        if len(answer.body) > MAX_INLINE_BYTES:
            return None
        is_fresh, request_id = self._use(answer, conditional, scope)
        identified = b"x-request-id: %b\r\n" % request_id
        if is_fresh:
            return answer.validators_head + identified, b""
        return answer.head + identified, answer.body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from memory, or call the application; requests of one URL wait for the first."""
        if scope["type"] != "http" or scope["method"] not in METHODS:
            await self._app(scope, receive, send)
            return
        known, url = self._find(scope), self._cleaned(scope)
        if known is None and (leader := self._leaders.get(url)) is not None:
            await leader.wait()
            known = self._find(scope)
        elif known is None and url[0].startswith(PREFIXES):
            await self._lead(url, scope, receive, send)
            return
        if known is None:
            await self._app(scope, receive, send)
        else:
            await self._answer(*known, scope, send)

    def _cleaned(self, scope: Scope) -> Url:
        return scope["path"], self._appended.cleaned(scope["query_string"])

    def _find(self, scope: Scope) -> tuple[_Answer, bytes | None] | None:
        """The response to a plain request, and its If-None-Match."""
        answers = self._answers.get((scope["path"], scope["query_string"]))
        if answers is None and scope["query_string"]:
            answers = self._answers.get(self._cleaned(scope))
        if answers is None:
            return None
        conditional, is_dated = None, False
        for name, value in scope["headers"]:
            if name not in CONDITIONS:
                continue
            if name == b"if-none-match" and conditional is None:
                conditional = value
            elif name == b"if-modified-since":
                is_dated = True
            else:
                return None
        if is_dated and conditional is None:  # an entity tag has precedence over the date
            return None
        answer = answers.get(None)
        if answer is None:
            answer = answers.get(joined_field(scope["headers"], b"accept") or "")
        return None if answer is None else (answer, conditional)

    async def _lead(self, url: Url, scope: Scope, receive: Receive, send: Send) -> None:
        """Call the application; equal requests wait until its response begins.

        A reusable response is remembered by then. Without one, each request uses the normal route,
        which checks the permissions of its requester.
        """
        begins = self._leaders[url] = asyncio.Event()

        async def watched(message: Message) -> None:
            self._release(url, begins)
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            self._release(url, begins)

    def _release(self, url: Url, begins: asyncio.Event) -> None:
        if not begins.is_set():
            del self._leaders[url]
            begins.set()

    async def _answer(
        self, answer: _Answer, conditional: bytes | None, scope: Scope, send: Send
    ) -> None:
        is_fresh, request_id = self._use(answer, conditional, scope)
        headers = answer.validators if is_fresh else answer.headers
        await send(
            {
                "type": "http.response.start",
                "status": 304 if is_fresh else 200,
                "headers": [*headers, (b"x-request-id", request_id)],
            }
        )
        await send({"type": "http.response.body", "body": b"" if is_fresh else answer.body})

    def _use(self, answer: _Answer, conditional: bytes | None, scope: Scope) -> tuple[bool, bytes]:
        """Record the use; returns whether the client has the response, and the request's id."""
        began = time.perf_counter()
        self._memory.get(answer.key)  # now the most recently used
        is_fresh = conditional is not None and etag_matches(
            conditional.decode("latin-1"), answer.etag
        )
        status, size = (304, 0) if is_fresh else (200, len(answer.body))
        return is_fresh, self._record(scope, status, size, began)


def _head(status_line: bytes, headers: RawHeaders) -> bytes:
    return b"".join([status_line, *(b"%b: %b\r\n" % item for item in headers)])
