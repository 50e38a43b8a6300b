"""Fetching from a URL: the target of the connection, TLS, and limits."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import pytest
import trustme

from imagesvc.errors import FileTooLarge, InvalidRequest, Overloaded, SourceUnavailable
from imagesvc.model.ids import UserId, new_id
from imagesvc.outbound.addresses import Address
from imagesvc.outbound.lookups import Lookups, Resolver, system_addresses
from imagesvc.outbound.requests import trusting_context
from imagesvc.outbound.source import MAX_AT_ONCE, MAX_OF_ONE, Source, SourceRules
from tests.remote import Remote, answered, dripping, redirected, silent
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio
HERE, THERE = IPv4Address("127.0.0.1"), IPv4Address("127.0.0.2")
IMAGE = b"\xff\xd8 as good as any"


@dataclass
class Sink:
    """Stores the received bytes."""

    pieces: list[bytes] = field(default_factory=list)

    async def write(self, piece: bytes) -> None:
        """Receive the next bytes."""
        self.pieces.append(piece)

    @property
    def content(self) -> bytes:
        """All received bytes."""
        return b"".join(self.pieces)


class Names:
    """A resolver that gives a name its answers in turn, the last one repeatedly."""

    def __init__(self, **answers: Sequence[Sequence[Address]]) -> None:
        self.answers = {name.replace("_", "."): list(turns) for name, turns in answers.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, _port: int) -> Sequence[Address]:
        """The addresses of a host at this call."""
        self.asked.append(host)
        turns = self.answers.get(host, [[]])
        return turns.pop(0) if len(turns) > 1 else turns[0]


def source_of(
    remote: Remote,
    names: Resolver = system_addresses,
    make_ssl_context: Callable[[], ssl.SSLContext] | None = None,
    **rules: Any,
) -> Source:
    """A source that may fetch from 127.0.0.1 only, at the port of a remote."""
    defaults = SourceRules(
        is_allowed=lambda address: address == HERE,
        ports=frozenset({remote.port}),
        seconds=PATIENCE,
        max_bytes=100_000,
        user_agent="imagesvc/test",
    )
    return Source(
        replace(defaults, **rules), lookups=Lookups(names), make_ssl_context=make_ssl_context
    )


@pytest.fixture
def remote() -> Iterator[Remote]:
    """A server at 127.0.0.1."""
    server = Remote()
    yield server
    server.close()


@pytest.fixture
def inside(remote: Remote) -> Iterator[Remote]:
    """A server at an address that is not allowed, at the same port."""
    server = Remote(str(THERE), remote.port)
    server.url("/a.jpg", answered(b"a secret"))
    yield server
    server.close()


async def test_a_file_is_fetched_with_a_plain_request(remote: Remote) -> None:
    """The source sees the software, but no data about the requester."""
    sink = Sink()

    name = await source_of(remote).fetch(remote.url("/x/a.jpg?b=c", answered(IMAGE)), sink.write)

    assert sink.content == IMAGE
    assert name == "a.jpg"
    assert remote.requests == [
        (
            f"GET /x/a.jpg?b=c HTTP/1.1\r\nHost: 127.0.0.1:{remote.port}\r\n"
            "User-Agent: imagesvc/test\r\nAccept: image/*\r\nAccept-Encoding: identity\r\n"
            "Connection: close\r\n\r\n"
        )
    ]


async def test_a_name_that_changes_its_address_is_looked_up_once(
    remote: Remote, inside: Remote
) -> None:
    """DNS rebinding: the connection goes to the address that was checked."""
    names = Names(images_example=[[HERE], [THERE]])
    sink = Sink()

    url = remote.url("/a.jpg", answered(IMAGE), host="images.example")
    await source_of(remote, names).fetch(url, sink.write)

    assert sink.content == IMAGE
    assert names.asked == ["images.example"]
    assert inside.requests == []


async def test_a_redirect_is_looked_up_and_checked_again(remote: Remote, inside: Remote) -> None:
    """The same name may be another host at the second request."""
    names = Names(images_example=[[HERE], [THERE]])
    url = remote.url("/go", redirected("/a.jpg"), host="images.example")

    with pytest.raises(SourceUnavailable):
        await source_of(remote, names).fetch(url, Sink().write)

    assert names.asked == ["images.example", "images.example"]
    assert len(remote.requests) == 1
    assert inside.requests == []


@pytest.mark.parametrize(
    "found",
    [
        [THERE],
        [HERE, THERE],
        [THERE, HERE],
        [IPv6Address("::1")],
        [IPv6Address("::ffff:127.0.0.2")],
        [HERE, IPv6Address("::ffff:127.0.0.2")],
        [],
    ],
)
async def test_every_address_of_a_name_must_be_allowed(
    remote: Remote, inside: Remote, found: list[Address]
) -> None:
    """One forbidden address among allowed ones is refused, like a name that does not exist."""
    url = remote.url("/a.jpg", answered(IMAGE), host="images.example")

    with pytest.raises(InvalidRequest) as caught:
        await source_of(remote, Names(images_example=[found])).fetch(url, Sink().write)

    assert caught.value.fields == (("url", "names a host that has no public address"),)
    assert remote.requests == inside.requests == []


async def test_an_ipv4_mapped_address_is_the_ipv4_address(remote: Remote) -> None:
    """A resolver may return mapped addresses; the connection goes to the checked address."""
    names = Names(images_example=[[IPv6Address("::ffff:127.0.0.1")]])
    url = remote.url("/a.jpg", answered(IMAGE), host="images.example")
    sink = Sink()

    await source_of(remote, names).fetch(url, sink.write)

    assert sink.content == IMAGE


async def test_the_next_address_is_tried_when_one_is_dead(remote: Remote) -> None:
    """A host with an unreachable IPv6 address is still reached."""
    dead = ip_address("127.0.0.3")
    names = Names(images_example=[[dead, HERE]])
    url = remote.url("/a.jpg", answered(IMAGE), host="images.example")
    sink = Sink()

    await source_of(remote, names, is_allowed=lambda _: True).fetch(url, sink.write)

    assert sink.content == IMAGE


@pytest.mark.parametrize("literal", ["127.0.0.2", "[::1]", "[::ffff:127.0.0.2]", "0.0.0.0"])
async def test_a_literal_address_is_checked_too(
    remote: Remote, inside: Remote, literal: str
) -> None:
    """It needs no look-up, and no connection is made."""
    with pytest.raises(InvalidRequest):
        await source_of(remote).fetch(f"http://{literal}:{remote.port}/a.jpg", Sink().write)

    assert remote.requests == inside.requests == []


async def test_the_deadline_bounds_the_whole_download(remote: Remote) -> None:
    """A byte from time to time does not extend an import."""
    source = source_of(remote, seconds=0.5)

    for answer in (dripping(bytes(100_000), 0.05), silent):
        with pytest.raises(SourceUnavailable, match=r"longer than 0\.5 s"):
            await source.fetch(remote.url("/slow", answer), Sink().write)


async def test_a_slow_lookup_counts(remote: Remote) -> None:
    """The deadline begins with the look-up."""

    def never(_host: str, _port: int) -> Sequence[Address]:
        threading.Event().wait(60)
        return []

    source = source_of(remote, never, seconds=0.2)

    with pytest.raises(SourceUnavailable, match="longer than"):
        await source.fetch(remote.url("/", host="a.example"), Sink().write)


async def test_a_bounded_number_is_fetched_at_once(remote: Remote) -> None:
    """Slow sources exhaust neither memory nor descriptors."""
    source, is_over = source_of(remote), threading.Event()
    url = remote.url("/slow", lambda _connection: is_over.wait(PATIENCE))
    waiting = [asyncio.create_task(source.fetch(url, Sink().write)) for _ in range(MAX_AT_ONCE)]
    await asyncio.to_thread(until, lambda: len(remote.requests) == MAX_AT_ONCE)

    with pytest.raises(Overloaded):
        await source.fetch(url, Sink().write)

    is_over.set()
    ended = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(end, SourceUnavailable) for end in ended)


async def test_one_user_does_not_block_the_imports_of_others(remote: Remote) -> None:
    """Many slow sources of one user are refused; another user's import is fetched meanwhile."""
    source = source_of(remote, seconds=60.0)
    ann, bob = UserId(new_id()), UserId(new_id())
    url = remote.url("/slow", silent)
    waiting = [asyncio.create_task(source.fetch(url, Sink().write, ann)) for _ in range(MAX_OF_ONE)]
    await asyncio.sleep(0)

    with pytest.raises(Overloaded, match="of your images"):
        await source.fetch(url, Sink().write, ann)
    await source.fetch(remote.url("/a.jpg", answered(IMAGE)), Sink().write, bob)

    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    await source.fetch(remote.url("/a.jpg"), Sink().write, ann)


async def test_a_declared_length_beyond_the_limit_is_not_even_read(remote: Remote) -> None:
    """A large file of an honest source causes no traffic."""
    sink = Sink()

    with pytest.raises(FileTooLarge):
        await source_of(remote).fetch(remote.url("/a", answered(IMAGE, length=100_001)), sink.write)

    assert sink.pieces == []


async def test_proxies_of_the_environment_are_not_used(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would resolve the name itself."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    sink = Sink()

    await source_of(remote).fetch(remote.url("/a", answered(IMAGE)), sink.write)

    assert sink.content == IMAGE


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority that the source trusts."""
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[Remote]:
    """A server with a certificate for images.example."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("images.example").configure_cert(context)
    server = Remote(context=context)
    yield server
    server.close()


async def fetched_securely(secure: Remote, host: str, authority: trustme.CA | None) -> bytes:
    """The response from a host to a source that trusts one authority, or those of the system."""

    def trusting() -> ssl.SSLContext:
        context = trusting_context()
        if authority is not None:
            authority.configure_trust(context)
        return context

    names = Names(images_example=[[HERE]], other_example=[[HERE]])
    source = source_of(secure, names, make_ssl_context=trusting)
    sink = Sink()
    await source.fetch(secure.url("/a.jpg", answered(IMAGE), host=host), sink.write)
    return sink.content


async def test_tls_sends_the_name_and_verifies_it(secure: Remote, authority: trustme.CA) -> None:
    """SNI names the host although the connection goes to an address."""
    assert await fetched_securely(secure, "images.example", authority) == IMAGE
    assert secure.names == ["images.example"]


@pytest.mark.parametrize("host", ["other.example", "127.0.0.1"])
async def test_a_certificate_for_another_name_is_refused(
    secure: Remote, authority: trustme.CA, host: str
) -> None:
    """A certificate is valid for its own names only."""
    with pytest.raises(SourceUnavailable, match="TLS"):
        await fetched_securely(secure, host, authority)

    assert secure.requests == []


@pytest.mark.parametrize("trusted", [trustme.CA(), None], ids=["another", "the system's"])
async def test_a_certificate_of_an_unknown_authority_is_refused(
    secure: Remote, trusted: trustme.CA | None
) -> None:
    """Anyone can make such a certificate."""
    with pytest.raises(SourceUnavailable, match="TLS"):
        await fetched_securely(secure, "images.example", trusted)

    assert secure.requests == []
