"""Sources by URL: one image fetched from the Internet, and from nowhere else.

Every host name is resolved here, its addresses are checked, and the connection goes to an address
that was checked, so that a name which means something else a moment later gains nothing. TLS
still verifies the name. Each redirect starts over. No proxy and no cookie takes part.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Iterator,
    Sequence,
)
from dataclasses import dataclass
from email.message import Message
from functools import partial
from ipaddress import ip_address
from typing import Protocol
from urllib.parse import urljoin

import certifi
import httpcore
import structlog
from anyio import CancelScope, fail_after

from imagesvc.errors import FileTooLarge, InvalidRequest, Overloaded, SourceUnavailable
from imagesvc.jobs.addresses import Address, literal, plain
from imagesvc.jobs.source_url import SourceUrl, parse_source_url

log = structlog.get_logger()

MAX_REDIRECTS = 3
MAX_AT_ONCE = 32
CONNECT_SECONDS = 4.0
"""For one address of several, so that a dead one leaves time for the next."""
REDIRECTS = {301, 302, 303, 307, 308}
OK = 200
NO_PUBLIC_ADDRESS = "names a host that has no public address"

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]


class Sink(Protocol):
    """Takes the bytes as they come."""

    async def write(self, piece: bytes) -> None:
        """Take the next bytes."""
        ...


@dataclass(frozen=True, slots=True)
class SourceRules:
    """Where may be fetched from, and how much.

    `is_allowed` judges an address; `seconds` bound the whole download, redirects and all.
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
        resolve: Resolve | None = None,
        make_ssl_context: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self._rules = rules
        self._resolve = resolve or resolved
        self._make_ssl_context = make_ssl_context or trusting_context
        self._ssl_context: ssl.SSLContext | None = None
        self._slots = asyncio.Semaphore(MAX_AT_ONCE)

    async def fetch(self, url: str, sink: Sink) -> str:
        """Write what the URL gives to `sink`; the name that the source gives it, to show.

        Raises:
            InvalidRequest: the URL may not be fetched from.
            SourceUnavailable: it gives nothing, or not in time.
            FileTooLarge: it gives more than is taken.
            Overloaded: too many are being fetched now.
        """
        if self._slots.locked():
            raise Overloaded("Too many images are being imported now.")
        async with self._slots:
            try:
                with fail_after(self._rules.seconds):
                    return await self._follow(url, sink)
            except TimeoutError as error:
                seconds = f"{self._rules.seconds:g}"
                raise SourceUnavailable(f"The source took longer than {seconds} s.") from error

    async def _follow(self, text: str, sink: Sink) -> str:
        place = await self._checked(text)
        for _ in range(1 + MAX_REDIRECTS):
            async with self._answer(*place) as answer:
                if answer.status not in REDIRECTS:
                    return await self._take(place[0], answer, sink)
                location = _header(answer, b"location")
            try:  # after the connection is closed: a hop is checked like a first URL
                place = await self._checked(_next(place[0], location))
            except InvalidRequest as error:
                raise SourceUnavailable(
                    "The source redirects to a URL that is not fetched from."
                ) from error
        raise SourceUnavailable(f"The source redirects more than {MAX_REDIRECTS} times.")

    async def _checked(self, text: str) -> tuple[SourceUrl, list[Address]]:
        """A URL and the addresses of its host, all of which may be fetched from.

        A name without any address, and one with an address that is not public, get the same
        answer: otherwise a client could find out which names exist inside.
        """
        try:
            url = parse_source_url(text, ports=self._rules.ports)
        except ValueError as error:
            raise _invalid_url(str(error)) from error
        known = literal(url.host)
        found = [known] if known is not None else await self._resolve(url.host, url.port)
        addresses = [plain(address) for address in found]
        refused = [address for address in addresses if not self._rules.is_allowed(address)]
        if refused or not addresses:
            log.warning(
                "source refused",
                action="source.refused",
                host=url.host,
                addresses=[str(address) for address in refused],
            )
            raise _invalid_url(NO_PUBLIC_ADDRESS)
        return url, addresses

    @contextlib.asynccontextmanager
    async def _answer(
        self, url: SourceUrl, addresses: Sequence[Address]
    ) -> AsyncIterator[httpcore.Response]:
        """The answer to one GET, on a connection of its own."""
        async with contextlib.AsyncExitStack() as stack:
            backend = await stack.enter_async_context(contextlib.aclosing(_Pinned(addresses)))
            connection = httpcore.AsyncHTTPConnection(
                httpcore.Origin(url.scheme.encode(), url.host.encode(), url.port),
                ssl_context=self._tls() if url.scheme == "https" else None,
                network_backend=backend,
            )
            request = httpcore.Request(
                "GET",
                httpcore.URL(scheme=url.scheme, host=url.host, port=url.port, target=url.target),
                headers=[
                    ("Host", url.authority),
                    ("User-Agent", self._rules.user_agent),
                    ("Accept", "image/*"),
                    ("Accept-Encoding", "identity"),
                    ("Connection", "close"),
                ],
            )
            with _failures_named(url.host):
                answer = await connection.handle_async_request(request)
            stack.push_async_callback(answer.aclose)
            yield answer

    async def _take(self, url: SourceUrl, answer: httpcore.Response, sink: Sink) -> str:
        if answer.status != OK:
            raise SourceUnavailable(f"The source answers with status {answer.status}.")
        if _header(answer, b"content-encoding").lower() not in {"", "identity"}:
            raise SourceUnavailable("The source sends its answer compressed, though told not to.")
        if int(_header(answer, b"content-length") or 0) > self._rules.max_bytes:
            raise FileTooLarge(f"The file is larger than {self._rules.max_bytes:,} bytes.")
        async with contextlib.aclosing(_body(url.host, answer)) as pieces:
            async for piece in pieces:
                await sink.write(piece)
        return _disposition_filename(_header(answer, b"content-disposition")) or url.filename

    def _tls(self) -> ssl.SSLContext:
        if self._ssl_context is None:
            self._ssl_context = self._make_ssl_context()
        return self._ssl_context


class _Pinned(httpcore.AsyncNetworkBackend):
    """Connects to addresses that were checked, whatever the host's name means by now."""

    def __init__(self, addresses: Iterable[Address]) -> None:
        self._addresses = [str(address) for address in addresses]
        self._backend = httpcore.AnyIOBackend()
        self._streams: list[httpcore.AsyncNetworkStream] = []

    async def connect_tcp(
        self,
        host: str,  # noqa: ARG002  # the name was resolved and checked before
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that answers."""
        failure: Exception = httpcore.ConnectError("no address")
        for address in self._addresses:
            try:
                stream = await self._backend.connect_tcp(
                    address, port, timeout or CONNECT_SECONDS, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                self._streams.append(stream)
                return stream
        raise failure

    async def aclose(self) -> None:
        """Close every connection, also one that was cut off while it was being made."""
        with CancelScope(shield=True):
            for stream in self._streams:
                await stream.aclose()


async def resolved(host: str, port: int) -> list[Address]:
    """Every address of a host, in the system's order of preference; none when there is none.

    Raises:
        SourceUnavailable: name resolution does not work now.
    """
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            raise SourceUnavailable("The host of the URL cannot be looked up now.") from error
        return []
    return list(dict.fromkeys(ip_address(address[0]) for *_, address in found))


def trusting_context() -> ssl.SSLContext:
    """TLS that verifies host names; trusts what the system trusts, else what browsers do."""
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:
        context.load_verify_locations(certifi.where())
    return context


async def _body(host: str, answer: httpcore.Response) -> AsyncGenerator[bytes, None]:
    with _failures_named(host):
        async for piece in answer.aiter_stream():
            yield piece


@contextlib.contextmanager
def _failures_named(host: str) -> Iterator[None]:
    """Turn what goes wrong on the network into an error of ours."""
    sentence = partial("The source {} {}.".format, host)
    try:
        yield
    except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
        if isinstance(error.__cause__ or error.__context__, ssl.SSLError):
            raise SourceUnavailable(sentence("cannot be trusted: TLS fails")) from error
        raise SourceUnavailable(sentence("cannot be reached")) from error
    except (httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
        raise SourceUnavailable(sentence("gives an answer that is cut off or no HTTP")) from error
    except (httpcore.NetworkError, httpcore.TimeoutException, OSError) as error:
        raise SourceUnavailable(sentence("breaks the connection")) from error


def _next(url: SourceUrl, location: str) -> str:
    """Where a redirect leads; the fragment, which stays with the client, is dropped."""
    if not location:
        raise SourceUnavailable("The source redirects to nowhere.")
    try:
        return urljoin(str(url), location.partition("#")[0])
    except ValueError as error:
        raise _invalid_url("is not a valid URL") from error


def _header(answer: httpcore.Response, name: bytes) -> str:
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


def _invalid_url(message: str) -> InvalidRequest:
    return InvalidRequest(f"url {message}.", (("url", message),))
