"""Sources with endless responses or tiny pieces.

An import ends early and does not block the loop.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

import pytest
import trustme

from imagesvc.errors import ImagesvcError
from imagesvc.outbound.requests import trusting_context
from imagesvc.outbound.source import Source, SourceRules
from tests.outbound.test_source import HERE, Sink
from tests.remote import Remote

pytestmark = pytest.mark.anyio
SECONDS = 8.0
"""The time limit of one import; each of these sources would take longer."""
MAX_SLICE = 0.15
"""Processor seconds that the event loop may be blocked at a time; 0.005 when measured."""
MAX_TOTAL = 1.5
"""Processor seconds that one hostile source may cost; 0.03 when measured."""
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def flood(start: bytes, again: bytes, size: int = 1 << 16) -> Callable[[socket.socket], None]:
    """A response that begins, and then repeats itself until the client disconnects."""
    block = again * (size // len(again))

    def answer(connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(block)

    return answer


ENDLESS = {
    "early hints": flood(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "continue": flood(b"", b"HTTP/1.1 100\r\n\r\n"),
    "chunks of a byte": flood(CHUNKED, b"1\r\nx\r\n"),
    "chunks with extensions": flood(CHUNKED, b"1;" + b"e" * 60 + b"\r\nx\r\n"),
    "one chunk extension": flood(CHUNKED + b"1;", b"e"),
    "fields": flood(OK, b"a:\r\n"),
    "one field": flood(OK + b"a: ", b"b"),
    "folded lines": flood(OK + b"a: b\r\n", b" \r\n"),
    "a reason": flood(b"HTTP/1.1 200 ", b"R"),
    "trailers": flood(CHUNKED + b"0\r\n", b"a:\r\n"),
    "a status line": flood(b"", b"H"),
    "blank lines": flood(b"", b"\r\n"),
    "nothing to redirect to": flood(b"HTTP/1.1 302 Found\r\n", b"Location: /again\r\n"),
}


@dataclass
class Ticker:
    """Measures how long the event loop is blocked, in its own processor time.

    Other work on the machine does not count.
    """

    longest: float = 0.0
    total: float = 0.0
    _task: asyncio.Task[None] | None = field(default=None, init=False)

    async def __aenter__(self) -> Self:
        self._begin = time.thread_time()
        self._task = asyncio.create_task(self._tick())
        return self

    async def __aexit__(self, *_: object) -> None:
        self.total = time.thread_time() - self._begin
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _tick(self) -> None:
        last = time.thread_time()
        while True:
            await asyncio.sleep(0.001)
            now = time.thread_time()
            self.longest = max(self.longest, now - last)
            last = now


def source_of(remote: Remote, context: ssl.SSLContext | None = None) -> Source:
    """A source that may fetch a megabyte from one remote."""
    rules = SourceRules(
        is_allowed=lambda address: address == HERE,
        ports=frozenset({remote.port}),
        seconds=SECONDS,
        max_bytes=1 << 20,
        user_agent="imagesvc/test",
    )
    return Source(rules, make_ssl_context=None if context is None else lambda: context)


async def attacked(source: Source, url: str) -> Ticker:
    """The event loop time of an import that must fail."""
    async with Ticker() as ticker:
        with pytest.raises(ImagesvcError):
            await source.fetch(url, Sink().write)
    return ticker


def whole(start: bytes, again: bytes, size: int, end: bytes) -> bytes:
    """A response that repeats itself for `size` bytes, and ends."""
    return start + again * (size // len(again)) + end


LONG = {
    "fields": whole(OK, b"a:\r\n", 90_000, b"Content-Length: 0\r\n\r\n"),
    "trailers": whole(CHUNKED + b"4\r\nabcd\r\n0\r\n", b"a:\r\n", 90_000, b"\r\n"),
    "hints": whole(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", 90_000, OK + b"\r\n"),
    "chunks": whole(CHUNKED, b"1\r\nx\r\n", 90_000, b"0\r\n\r\n"),
}


@pytest.mark.parametrize("answer", LONG.values(), ids=LONG.keys())
async def test_a_long_finite_answer_does_not_block_the_loop(answer: bytes) -> None:
    """It arrives whole in a few reads; the part that is parsed at once is still limited."""
    remote = Remote()
    try:
        ticker = await attacked(source_of(remote), remote.url("/", answer))
    finally:
        remote.close()

    assert ticker.longest < MAX_SLICE
    assert ticker.total < MAX_TOTAL


@pytest.mark.parametrize("answer", ENDLESS.values(), ids=ENDLESS.keys())
async def test_an_endless_answer_ends_early_and_does_not_block_the_loop(
    answer: Callable[[socket.socket], None],
) -> None:
    """Each is cut off after data that no honest server sends, long before its time-out."""
    remote = Remote()
    try:
        ticker = await attacked(source_of(remote), remote.url("/", answer))
    finally:
        remote.close()

    assert ticker.longest < MAX_SLICE
    assert ticker.total < MAX_TOTAL


def records_of_a_byte(connection: socket.socket) -> None:
    """A body that is sent as one TLS record for each byte."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
    connection.sendall(OK + b"\r\n")
    while True:
        connection.sendall(b"x")


async def test_an_honest_answer_in_small_pieces_is_accepted() -> None:
    """Chunks of a kilobyte, which some servers send, are accepted."""
    chunk = b"400\r\n" + bytes(1024) + b"\r\n"
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n" * 3
    remote = Remote()
    sink = Sink()
    try:
        url = remote.url("/", hints + CHUNKED + chunk * 1024 + b"0\r\n\r\n")
        await source_of(remote).fetch(url, sink.write)
    finally:
        remote.close()

    assert sink.content == bytes(1 << 20)


async def test_tls_records_of_a_byte_end_early() -> None:
    """The decrypted bytes arrive one by one without any wait for the network between them."""
    authority = trustme.CA()
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(theirs)
    ours = trusting_context()
    authority.configure_trust(ours)
    remote = Remote(context=theirs)
    try:
        ticker = await attacked(source_of(remote, ours), remote.url("/", records_of_a_byte))
    finally:
        remote.close()

    assert ticker.longest < MAX_SLICE
    assert ticker.total < MAX_TOTAL
