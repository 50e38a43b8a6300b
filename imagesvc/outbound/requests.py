"""Connections to addresses given by users: public ones, and those an operator allows.

Every host name is resolved here, its addresses are checked, and the connection goes to a checked
address, so that a name that changes between check and connection has no effect. TLS still verifies
the name. Neither proxies nor cookies are used.
"""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus

import certifi
import httpcore2
import structlog

from imagesvc.errors import FileTooLarge, InvalidRequest, SourceUnavailable
from imagesvc.model.ids import UserId
from imagesvc.outbound.addresses import Address, literal, plain
from imagesvc.outbound.connections import Connection, ExcessiveAnswer, Meter, connect
from imagesvc.outbound.lookups import Lookups
from imagesvc.outbound.source_url import SourceUrl, parse_source_url

log = structlog.get_logger()

NO_PUBLIC_ADDRESS = "names a host that has no public address"


@dataclass(frozen=True, slots=True)
class OutboundRules:
    """The allowed targets of connections; `noun` is the name of the server in errors."""

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
    """The method, fields and body of a request."""

    method: str = "GET"
    headers: Sequence[tuple[str, str]] = ()
    body: bytes | None = None


class Outbound:
    """Sends requests to URLs given by users, each on a new connection."""

    def __init__(
        self,
        rules: OutboundRules,
        *,
        lookups: Lookups | None = None,
        make_ssl_context: Callable[[], ssl.SSLContext] | None = None,
    ) -> None:
        self._rules = rules
        self._lookups = lookups or Lookups()
        self._make_ssl_context = make_ssl_context or trusting_context
        self._ssl_context: ssl.SSLContext | None = None

    async def checked(self, text: str, owner_id: UserId | None = None) -> Place:
        """The target of a user's URL.

        A name without any address, and one with an address that is not public, give the same error:
        otherwise a client could find out which internal names exist.

        Raises:
            InvalidRequest: requests to this URL are not allowed.
            SourceUnavailable: name resolution does not work now.
            Overloaded: too many names are being looked up.
        """
        try:
            url = parse_source_url(text, ports=self._rules.ports)
        except ValueError as error:
            raise invalid_url(str(error)) from error
        known = literal(url.host)
        found = (
            [known]
            if known is not None
            else await self._lookups.addresses(url.host, url.port, owner_id)
        )
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
    async def answer(self, place: Place, sent: Sent) -> AsyncIterator[httpcore2.Response]:
        """The response to one request; redirects are not followed.

        Raises:
            SourceUnavailable: there is none.
        """
        url = place.url
        tls = self._tls() if url.scheme == "https" else None
        with self._failures_named(url.host):
            stream = await connect(place.addresses, url.port, url.host, tls)
        async with contextlib.aclosing(stream):
            origin = httpcore2.Origin(url.scheme.encode(), url.host.encode(), url.port)
            with self._failures_named(url.host):
                answer = await Connection(origin, stream).handle_async_request(
                    self._request(url, sent)
                )
            stream.end_head()
            yield answer

    def _request(self, url: SourceUrl, sent: Sent) -> httpcore2.Request:
        length = [] if sent.body is None else [("Content-Length", str(len(sent.body)))]
        return httpcore2.Request(
            sent.method,
            httpcore2.URL(scheme=url.scheme, host=url.host, port=url.port, target=url.target),
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

    async def body(self, place: Place, answer: httpcore2.Response) -> AsyncGenerator[bytes, None]:
        """The pieces of a response's body as they arrive; close it if it is not read to its end.

        Raises:
            SourceUnavailable: it ends early, or arrives in tiny pieces.
        """
        meter = Meter()
        with self._failures_named(place.url.host):
            async for piece in answer.aiter_stream():
                await meter.count(len(piece))
                yield piece

    async def beginning(self, place: Place, answer: httpcore2.Response, enough: int) -> bytes:
        """A response's body, of which no more is read once there are `enough` bytes.

        Raises:
            SourceUnavailable: it ends early, or arrives in tiny pieces.
        """
        found = bytearray()
        async with contextlib.aclosing(self.body(place, answer)) as pieces:
            async for piece in pieces:
                found += piece
                if len(found) >= enough:
                    break
        return bytes(found)

    async def get(self, url: str, accept: str, max_bytes: int) -> bytes:
        """The body of the response to a URL.

        Raises:
            InvalidRequest: requests to this URL are not allowed.
            SourceUnavailable: there is no response, or another status than 200.
            FileTooLarge: the body is longer than `max_bytes`.
        """
        status, body = await self.exchange(url, Sent(headers=(("Accept", accept),)), max_bytes)
        if status != HTTPStatus.OK:
            raise SourceUnavailable(f"The URL is answered with status {status}.")
        return body

    async def exchange(self, url: str, sent: Sent, max_bytes: int) -> tuple[int, bytes]:
        """The status and the body of the response to a request.

        Raises:
            InvalidRequest: requests to this URL are not allowed.
            SourceUnavailable: there is no response.
            FileTooLarge: the body is longer than `max_bytes`.
        """
        place = await self.checked(url)
        async with self.answer(place, sent) as answer:
            body = await self.beginning(place, answer, max_bytes + 1)
            if len(body) > max_bytes:
                raise FileTooLarge(f"The body is larger than {max_bytes:,} bytes.")
            return answer.status, body

    def _tls(self) -> ssl.SSLContext:
        if self._ssl_context is None:
            self._ssl_context = self._make_ssl_context()
            self._ssl_context.set_alpn_protocols(["http/1.1"])
        return self._ssl_context

    @contextlib.contextmanager
    def _failures_named(self, host: str) -> Iterator[None]:
        """Translate network errors into errors of imagesvc."""
        sentence = partial("The {} {} {}.".format, self._rules.noun, host)
        try:
            yield
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
            if isinstance(error.__cause__ or error.__context__, ssl.SSLError):
                raise SourceUnavailable(sentence("cannot be trusted: TLS failed")) from error
            raise SourceUnavailable(sentence("cannot be reached")) from error
        except ExcessiveAnswer as error:
            raise SourceUnavailable(sentence(str(error))) from error
        except (httpcore2.ProtocolError, httpcore2.UnsupportedProtocol) as error:
            raise SourceUnavailable(
                sentence("sent a response that is cut off or not HTTP")
            ) from error
        except (httpcore2.NetworkError, httpcore2.TimeoutException, OSError) as error:
            raise SourceUnavailable(sentence("breaks the connection")) from error


def trusting_context() -> ssl.SSLContext:
    """TLS that verifies host names with the system's certificates, or those of browsers."""
    context = ssl.create_default_context()
    if not context.cert_store_stats()["x509_ca"]:
        context.load_verify_locations(certifi.where())
    return context


def invalid_url(message: str) -> InvalidRequest:
    """The error for a URL that is not allowed."""
    return InvalidRequest(f"url {message}.", (("url", message),))
