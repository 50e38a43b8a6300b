"""Connections to addresses that others name: to public ones, and to those an operator allows.

Every host name is resolved here, its addresses are checked, and the connection goes to an address
that was checked, so that a name which means something else a moment later gains nothing. TLS
still verifies the name. No proxy and no cookie takes part.
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
from functools import partial
from ipaddress import ip_address

import certifi
import httpcore
import structlog
from anyio import CancelScope

from imagesvc.errors import InvalidRequest, SourceUnavailable
from imagesvc.jobs.addresses import Address, literal, plain
from imagesvc.jobs.source_url import SourceUrl, parse_source_url

log = structlog.get_logger()

CONNECT_SECONDS = 4.0
"""For one address of several, so that a dead one leaves time for the next."""
NO_PUBLIC_ADDRESS = "names a host that has no public address"

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]


@dataclass(frozen=True, slots=True)
class OutboundRules:
    """Where connections may go; `noun` is what errors call the other side."""

    is_allowed: Callable[[Address], bool]
    ports: frozenset[int] | range
    user_agent: str
    noun: str


@dataclass(frozen=True, slots=True)
class Place:
    """A URL and the addresses of its host, all of which may be connected to."""

    url: SourceUrl
    addresses: Sequence[Address]


@dataclass(frozen=True, slots=True)
class Sent:
    """What a request sends beside its URL."""

    method: str = "GET"
    headers: Sequence[tuple[str, str]] = ()
    body: bytes | None = None


class Outbound:
    """Sends requests to URLs that others name, each on a connection of its own."""

    def __init__(
        self,
        rules: OutboundRules,
        *,
        resolve: Resolve | None = None,
        make_ssl_context: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self._rules = rules
        self._resolve = resolve or resolved
        self._make_ssl_context = make_ssl_context or trusting_context
        self._ssl_context: ssl.SSLContext | None = None

    async def checked(self, text: str) -> Place:
        """The place that a URL names.

        A name without any address, and one with an address that is not public, get the same
        answer: otherwise a client could find out which names exist inside.

        Raises:
            InvalidRequest: nothing may be sent there.
            SourceUnavailable: name resolution does not work now.
        """
        try:
            url = parse_source_url(text, ports=self._rules.ports)
        except ValueError as error:
            raise invalid_url(str(error)) from error
        known = literal(url.host)
        found = [known] if known is not None else await self._resolve(url.host, url.port)
        addresses = [plain(address) for address in found]
        refused = [address for address in addresses if not self._rules.is_allowed(address)]
        if refused or not addresses:
            log.warning(
                "address refused",
                action=f"{self._rules.noun}.refused",
                host=url.host,
                addresses=[str(address) for address in refused],
            )
            raise invalid_url(NO_PUBLIC_ADDRESS)
        return Place(url, addresses)

    @contextlib.asynccontextmanager
    async def answer(self, place: Place, sent: Sent) -> AsyncIterator[httpcore.Response]:
        """The answer to one request; redirects are not followed.

        Raises:
            SourceUnavailable: there is none.
        """
        url = place.url
        async with contextlib.AsyncExitStack() as stack:
            pinned = _Pinned(place.addresses)
            backend = await stack.enter_async_context(contextlib.aclosing(pinned))
            connection = httpcore.AsyncHTTPConnection(
                httpcore.Origin(url.scheme.encode(), url.host.encode(), url.port),
                ssl_context=self._tls() if url.scheme == "https" else None,
                network_backend=backend,
            )
            length = [] if sent.body is None else [("Content-Length", str(len(sent.body)))]
            request = httpcore.Request(
                sent.method,
                httpcore.URL(scheme=url.scheme, host=url.host, port=url.port, target=url.target),
                headers=[
                    ("Host", url.authority),
                    ("User-Agent", self._rules.user_agent),
                    *sent.headers,
                    *length,
                    ("Accept-Encoding", "identity"),
                    ("Connection", "close"),
                ],
                content=sent.body,
            )
            with self._failures_named(url.host):
                answer = await connection.handle_async_request(request)
            stack.push_async_callback(answer.aclose)
            yield answer

    async def body(self, place: Place, answer: httpcore.Response) -> AsyncGenerator[bytes, None]:
        """The pieces of an answer's body as they come; close it when it is not read to its end.

        Raises:
            SourceUnavailable: it breaks off.
        """
        with self._failures_named(place.url.host):
            async for piece in answer.aiter_stream():
                yield piece

    def _tls(self) -> ssl.SSLContext:
        if self._ssl_context is None:
            self._ssl_context = self._make_ssl_context()
        return self._ssl_context

    @contextlib.contextmanager
    def _failures_named(self, host: str) -> Iterator[None]:
        """Turn what goes wrong on the network into an error of ours."""
        sentence = partial("The {} {} {}.".format, self._rules.noun, host)
        try:
            yield
        except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
            if isinstance(error.__cause__ or error.__context__, ssl.SSLError):
                raise SourceUnavailable(sentence("cannot be trusted: TLS fails")) from error
            raise SourceUnavailable(sentence("cannot be reached")) from error
        except (httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
            raise SourceUnavailable(
                sentence("gives an answer that is cut off or no HTTP")
            ) from error
        except (httpcore.NetworkError, httpcore.TimeoutException, OSError) as error:
            raise SourceUnavailable(sentence("breaks the connection")) from error


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


def invalid_url(message: str) -> InvalidRequest:
    """The error for a URL that nothing may be sent to."""
    return InvalidRequest(f"url {message}.", (("url", message),))
