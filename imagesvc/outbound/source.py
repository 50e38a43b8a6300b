"""Sources by URL: one image, fetched from the Internet only.

Each redirect starts over: its host is looked up and checked like that of the first URL.
"""

from __future__ import annotations

import contextlib
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message
from typing import TypeVar
from urllib.parse import urljoin

import httpcore2
from anyio import fail_after

from imagesvc.errors import FileTooLarge, InvalidRequest, Overloaded, SourceUnavailable
from imagesvc.model.ids import UserId
from imagesvc.outbound.addresses import Address
from imagesvc.outbound.lookups import Lookups
from imagesvc.outbound.requests import (
    Outbound,
    OutboundRules,
    Place,
    Sent,
    invalid_url,
)
from imagesvc.outbound.source_url import SourceUrl
from imagesvc.tracing.spans import Kind, span

MAX_REDIRECTS = 3
MAX_AT_ONCE = 32
MAX_OF_ONE = 8
"""Imports of one user, so that slow sources of one user do not block other users."""
REDIRECTS = {301, 302, 303, 307, 308}
OK = 200
ASKED = Sent(headers=(("Accept", "image/*"),))
Write = Callable[[bytes], Awaitable[object]]
"""Takes the next bytes of a file."""
T = TypeVar("T")
Take = Callable[[Place, httpcore2.Response], Awaitable[T]]
"""Makes something of a response that is no redirect."""
NOT_MODIFIED = 304
CONDITIONS = (("etag", "If-None-Match"), ("last-modified", "If-Modified-Since"))
"""Validators of a response, and the fields that send them back (RFC 9110, section 13)."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of text."""

    url: str
    """Its own, after redirects."""
    body: bytes
    validators: Mapping[str, str]
    """What tells later whether it has changed."""


@dataclass(frozen=True, slots=True)
class SourceRules:
    """The limits of imports.

    `is_allowed` decides about an address; `seconds` limits the whole download, including redirects.
    """

    is_allowed: Callable[[Address], bool]
    ports: frozenset[int]
    seconds: float
    max_bytes: int
    user_agent: str


class Source:
    """Fetches images by URL, a bounded number at once."""

    def __init__(
        self,
        rules: SourceRules,
        *,
        lookups: Lookups | None = None,
        make_ssl_context: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self._rules = rules
        self._outbound = Outbound(
            OutboundRules(rules.is_allowed, rules.ports, rules.user_agent, noun="source"),
            lookups=lookups,
            make_ssl_context=make_ssl_context,
        )
        self._running: Counter[UserId | None] = Counter()

    async def fetch(self, url: str, write: Write, owner_id: UserId | None = None) -> str:
        """Write the file of the URL by `write`; returns its name at the source, for display.

        Raises:
            InvalidRequest: the URL is not allowed.
            SourceUnavailable: it returns no file, or not in time.
            FileTooLarge: the file is too large.
            Overloaded: too many images are being fetched, for this user or in all.
        """

        async def take(place: Place, answer: httpcore2.Response) -> str:
            return await self._take(place, answer, write)

        return await self._limited(url, ASKED, take, owner_id)

    async def check(self, url: str, owner_id: UserId | None = None) -> Place:
        """Check a URL without a request to it; its addresses are those that were checked.

        Raises:
            InvalidRequest: it is not allowed.
        """
        return await self._outbound.checked(url, owner_id)

    async def page(
        self, url: str, validators: Mapping[str, str], max_bytes: int, owner_id: UserId | None
    ) -> Page | None:
        """A page of text; None if it has not changed since it had these validators.

        Raises:
            InvalidRequest: the URL is not allowed.
            SourceUnavailable: it returns no page, or not in time.
            FileTooLarge: the page is too large.
            Overloaded: too much is being fetched.
        """
        conditions = [
            (condition, validators[name]) for name, condition in CONDITIONS if name in validators
        ]
        asked = Sent(headers=(("Accept", "*/*"), *conditions))

        async def take(place: Place, answer: httpcore2.Response) -> Page | None:
            if conditions and answer.status == NOT_MODIFIED:
                return None
            body = bytearray()

            async def write(piece: bytes) -> None:
                body.extend(piece)
                if len(body) > max_bytes:
                    raise FileTooLarge(f"The page is larger than {max_bytes:,} bytes.")

            await self._take(place, answer, write)
            found = {name: _header(answer, name.encode()) for name, _ in CONDITIONS}
            return Page(str(place.url), bytes(body), {k: v for k, v in found.items() if v})

        return await self._limited(url, asked, take, owner_id)

    async def _limited(self, url: str, asked: Sent, take: Take[T], owner_id: UserId | None) -> T:
        with self._slot(owner_id), span("import", Kind.CLIENT):
            try:
                with fail_after(self._rules.seconds):
                    return await self._follow(url, asked, take, owner_id)
            except TimeoutError as error:
                seconds = f"{self._rules.seconds:g}"
                raise SourceUnavailable(f"The source took longer than {seconds} s.") from error

    @contextlib.contextmanager
    def _slot(self, owner_id: UserId | None) -> Iterator[None]:
        if self._running.total() >= MAX_AT_ONCE:
            raise Overloaded("Too many images are being imported now.")
        if owner_id is not None and self._running[owner_id] >= MAX_OF_ONE:
            raise Overloaded(f"{MAX_OF_ONE} of your images are already being imported.")
        self._running[owner_id] += 1
        try:
            yield
        finally:
            self._running[owner_id] -= 1
            if not self._running[owner_id]:
                del self._running[owner_id]

    async def _follow(self, text: str, asked: Sent, take: Take[T], owner_id: UserId | None) -> T:
        place = await self._outbound.checked(text, owner_id)
        for _ in range(1 + MAX_REDIRECTS):
            async with self._outbound.answer(place, asked) as answer:
                if answer.status not in REDIRECTS:
                    return await take(place, answer)
                location = _header(answer, b"location")
            try:  # after the connection is closed: a hop is checked like a first URL
                place = await self._outbound.checked(_next(place.url, location), owner_id)
            except InvalidRequest as error:
                raise SourceUnavailable(
                    "The source redirects to a URL that is not allowed."
                ) from error
        raise SourceUnavailable(f"The source redirects more than {MAX_REDIRECTS} times.")

    async def _take(self, place: Place, answer: httpcore2.Response, write: Write) -> str:
        if answer.status != OK:
            raise SourceUnavailable(f"The source answers with status {answer.status}.")
        if _header(answer, b"content-encoding").lower() not in {"", "identity"}:
            raise SourceUnavailable(
                "The source sends a compressed response, although the request excluded it."
            )
        if int(_header(answer, b"content-length") or 0) > self._rules.max_bytes:
            raise FileTooLarge(f"The file is larger than {self._rules.max_bytes:,} bytes.")
        async with contextlib.aclosing(self._outbound.body(place, answer)) as pieces:
            async for piece in pieces:
                await write(piece)
        return _disposition_filename(_header(answer, b"content-disposition")) or place.url.filename


def _next(url: SourceUrl, location: str) -> str:
    """The target of a redirect, without its fragment."""
    if not location:
        raise SourceUnavailable("The source redirects without a target.")
    try:
        return urljoin(str(url), location.partition("#")[0])
    except ValueError as error:
        raise invalid_url("is not a valid URL") from error


def _header(answer: httpcore2.Response, name: bytes) -> str:
    """The first field of this name, or nothing."""
    value = next((value for key, value in answer.headers if key.lower() == name), b"")
    try:
        return value.decode("utf-8").strip()
    except UnicodeDecodeError:
        return value.decode("latin-1").strip()


def _disposition_filename(disposition: str) -> str:
    """The file name of a Content-Disposition (RFC 6266), or nothing."""
    message = Message()
    message["content-disposition"] = disposition.replace("\r", " ").replace("\n", " ")
    try:
        return message.get_filename("")
    except (ValueError, LookupError):
        return ""
