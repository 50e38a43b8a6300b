"""Sources by URL: one image, fetched from the Internet only.

Each redirect starts over: its host is looked up and checked like that of the first URL.
"""

from __future__ import annotations

import contextlib
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from email.message import Message
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
        with self._slot(owner_id), span("import", Kind.CLIENT):
            try:
                with fail_after(self._rules.seconds):
                    return await self._follow(url, write, owner_id)
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

    async def _follow(self, text: str, write: Write, owner_id: UserId | None) -> str:
        place = await self._outbound.checked(text, owner_id)
        for _ in range(1 + MAX_REDIRECTS):
            async with self._outbound.answer(place, ASKED) as answer:
                if answer.status not in REDIRECTS:
                    return await self._take(place, answer, write)
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
