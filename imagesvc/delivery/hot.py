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
from functools import cached_property

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imagesvc.cache.memory import Entry, MemoryCache
from imagesvc.http.conditional import etag_matches
from imagesvc.model.ids import ImageId, VariantKey
from imagesvc.store.db.lease import Lease
from imagesvc.syntax.appended import Appended
from imagesvc.syntax.header_fields import FieldsByName, fields_by_name

RawHeaders = list[tuple[bytes, bytes]]
Url = tuple[str, bytes]
CacheKey = tuple[Url, bytes | None]
"""A URL, and the Accept field of its response; None if the response is for all."""
Inline = Callable[[Scope, FieldsByName], tuple[bytes, bytes] | None]
"""The response to a request, if it is in memory: status line and fields, and the body."""
AccessRecord = Callable[[Scope, bytes | None, int, int, float], bytes]

MAX_CACHE_KEYS = 16
"""The maximum of remembered requests for one variant; others use the normal route."""
MAX_ACCEPT_BYTES = 512
MAX_INLINE_BYTES = 64 << 10
"""Larger bodies are sent by the application, as fast as their client reads."""
_OK, _NOT_MODIFIED = b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 304 Not Modified\r\n"
_ABOUT_CONTENT = frozenset({b"content-length", b"content-type"})
METHODS = frozenset({"GET", "HEAD"})
PREFIXES = ("/images/", "/blurred-images/")
_PASSED_ON = frozenset({b"range", b"if-match", b"if-unmodified-since"})
"""Fields whose effect on the response is left to the application."""


@dataclass(frozen=True)
class _Answer:
    """The response for a remembered cache key; most are never used."""

    key: VariantKey
    image_id: ImageId
    headers: RawHeaders
    body: bytes

    @cached_property
    def etag(self) -> str:
        return next(value for name, value in self.headers if name == b"etag").decode("latin-1")

    @cached_property
    def validators(self) -> RawHeaders:
        """The headers of the 304."""
        return [item for item in self.headers if item[0] not in _ABOUT_CONTENT]

    @cached_property
    def head(self) -> bytes:
        return _head(_OK, self.headers)

    @cached_property
    def validators_head(self) -> bytes:
        return _head(_NOT_MODIFIED, self.validators)


class HotPath:
    """ASGI middleware over the memory tier; entries are removed together with those of the tier."""

    def __init__(
        self,
        app: ASGIApp,
        memory: MemoryCache,
        record: AccessRecord,
        appended: Appended,
        lease: Lease | None = None,
    ) -> None:
        self._app = app
        self._memory = memory
        self._record = record
        self._appended = appended
        self._lease = lease
        self._answers: dict[Url, dict[bytes | None, _Answer]] = {}
        self._cache_keys: dict[VariantKey, list[CacheKey]] = {}
        self._leaders: dict[Url, asyncio.Event] = {}
        memory.on_removal(self._forget_entry)

    def remember(self, scope: Scope, image_id: ImageId, entry: Entry, headers: RawHeaders) -> None:
        """Answer equal requests with this entry, as long as it is in memory."""
        key = entry.variant.key
        url, accept = self._cleaned(scope), None
        if b"vary" in dict(headers):
            accept = fields_by_name(scope["headers"]).get(b"accept", b"")
        known = self._answers.get(url, {})
        cache_keys = self._cache_keys.get(key, [])
        if (
            not self._memory.holds(entry)
            or accept in known
            or len(cache_keys) >= MAX_CACHE_KEYS
            or len(accept or b"") > MAX_ACCEPT_BYTES
        ):
            return
        answer = _Answer(key, image_id, headers, entry.body)
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

    def inline(self, scope: Scope, fields: FieldsByName) -> tuple[bytes, bytes] | None:
        """The response to a plain GET of a remembered URL: status line and fields, and the body."""
        answer = self._find(scope, fields)
        if answer is None or len(answer.body) > MAX_INLINE_BYTES:
            return None
        is_fresh, request_id = self._use(answer, scope, fields)
        if is_fresh:
            return b"%bx-request-id: %b\r\n" % (answer.validators_head, request_id), b""
        return b"%bx-request-id: %b\r\n" % (answer.head, request_id), answer.body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer from memory, or call the application; requests of one URL wait for the first."""
        if scope["type"] != "http" or scope["method"] not in METHODS:
            await self._app(scope, receive, send)
            return
        fields = fields_by_name(scope["headers"])
        known, url = self._find(scope, fields), self._cleaned(scope)
        if known is None and (leader := self._leaders.get(url)) is not None:
            await leader.wait()
            known = self._find(scope, fields)
        elif known is None and url[0].startswith(PREFIXES):
            await self._lead(url, scope, receive, send)
            return
        if known is None:
            await self._app(scope, receive, send)
        else:
            await self._answer(known, scope, fields, send)

    def _cleaned(self, scope: Scope) -> Url:
        return scope["path"], self._appended.cleaned(scope["query_string"])

    def _find(self, scope: Scope, fields: FieldsByName) -> _Answer | None:
        """The response to a plain request."""
        answers = self._answers.get((scope["path"], scope["query_string"]))
        if answers is None and scope["query_string"]:
            answers = self._answers.get(self._cleaned(scope))
        if answers is None or not _PASSED_ON.isdisjoint(fields):
            return None
        if self._lease is not None and self._lease.is_lapsed:
            return None  # the image may have been changed or deleted by another node
        if b"if-modified-since" in fields and b"if-none-match" not in fields:
            return None  # an entity tag has precedence over the date
        return answers.get(None) or answers.get(fields.get(b"accept", b""))

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
        self, answer: _Answer, scope: Scope, fields: FieldsByName, send: Send
    ) -> None:
        is_fresh, request_id = self._use(answer, scope, fields)
        headers = answer.validators if is_fresh else answer.headers
        await send(
            {
                "type": "http.response.start",
                "status": 304 if is_fresh else 200,
                "headers": [*headers, (b"x-request-id", request_id)],
            }
        )
        await send({"type": "http.response.body", "body": b"" if is_fresh else answer.body})

    def _use(self, answer: _Answer, scope: Scope, fields: FieldsByName) -> tuple[bool, bytes]:
        """Record the use; returns whether the client has the response, and the request's id."""
        began = time.perf_counter()
        self._memory.get(answer.key)  # now the most recently used
        conditional = fields.get(b"if-none-match")
        is_fresh = conditional is not None and etag_matches(
            conditional.decode("latin-1"), answer.etag
        )
        status, size = (304, 0) if is_fresh else (200, len(answer.body))
        return is_fresh, self._record(scope, fields.get(b"x-request-id"), status, size, began)


def _head(status_line: bytes, headers: RawHeaders) -> bytes:
    return b"".join([status_line, *(b"%b: %b\r\n" % item for item in headers)])
