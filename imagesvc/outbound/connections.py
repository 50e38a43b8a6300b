"""Connections to one of several checked addresses, for servers that may be hostile.

A response without end, or in tiny pieces, takes much time of the event loop. The bytes before the
end of the response's head are limited, and afterwards the number of reads and pieces in relation to
their bytes; between reads other tasks can run.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Sequence

import httpcore2
from anyio import CancelScope
from anyio.lowlevel import checkpoint

from imagesvc.outbound.addresses import Address

CONNECT_SECONDS = 4.0
"""For one of several addresses, so that a dead one leaves time for the next."""
MAX_HEAD_BYTES = 32 << 10
"""Of a response, including its interim responses (1xx)."""
HEAD_READ_BYTES = 2 << 10
"""Read at once while a head is parsed: 20 µs for each 20 bytes of it."""
BODY_READ_BYTES = 16 << 10
FREE_STEPS = 1000
BYTES_A_STEP = 512
"""The average that each further read of a connection, and each further piece of a body, must have.
"""
STEPS_A_TURN = 32


class ExcessiveAnswer(httpcore2.RemoteProtocolError):
    """A server sends an abusive response; the message is the end of a sentence about it."""


class Meter:
    """Counts the steps of a response, and their bytes."""

    def __init__(self) -> None:
        self._steps = 0
        self._bytes = 0

    async def count(self, size: int) -> None:
        """Count a step.

        Raises:
            ExcessiveAnswer: the steps have too few bytes.
        """
        self._steps += 1
        self._bytes += size
        if self._steps > FREE_STEPS + self._bytes // BYTES_A_STEP:
            raise ExcessiveAnswer("sends its answer in too many small pieces")
        if self._steps % STEPS_A_TURN == 0:
            await checkpoint()


class MeteredStream(httpcore2.AsyncNetworkStream):
    """A stream whose reads are small and counted."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream = stream
        self._meter = Meter()
        self._head_bytes: int | None = 0

    def end_head(self) -> None:
        """Record that the head of the response is complete."""
        self._head_bytes = None

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """See `httpcore2.AsyncNetworkStream`.

        Raises:
            ExcessiveAnswer: the head is too long, or the reads have too few bytes.
        """
        if self._head_bytes is None:
            piece = await self._stream.read(min(max_bytes, BODY_READ_BYTES), timeout)
        elif self._head_bytes >= MAX_HEAD_BYTES:
            raise ExcessiveAnswer("sends too much before its answer")
        else:
            piece = await self._stream.read(min(max_bytes, HEAD_READ_BYTES), timeout)
            self._head_bytes += len(piece)
        await self._meter.count(len(piece))
        return piece

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """See `httpcore2.AsyncNetworkStream`."""
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """See `httpcore2.AsyncNetworkStream`; a cancelled task also closes the stream."""
        with CancelScope(shield=True):
            await self._stream.aclose()


class Connection(httpcore2.AsyncHTTP11Connection):
    """HTTP/1.1 on a metered stream; trailers and chunk headers are as short as heads."""

    MAX_INCOMPLETE_EVENT_SIZE = MAX_HEAD_BYTES


async def connect(
    addresses: Sequence[Address], port: int, host: str, tls: ssl.SSLContext | None
) -> MeteredStream:
    """Connect to the first address that answers; the host name is not looked up again.

    Args:
        addresses: checked addresses.
        port: the port.
        host: the name that the certificate must have.
        tls: None for a connection without TLS.

    Raises:
        httpcore2.ConnectError, httpcore2.ConnectTimeout: none answers, or TLS fails.
    """
    stream = await _connected(map(str, addresses), port)
    if tls is None:
        return MeteredStream(stream)
    try:
        return MeteredStream(await stream.start_tls(tls, server_hostname=host))
    except BaseException:
        with CancelScope(shield=True):
            await stream.aclose()
        raise


async def _connected(addresses: Iterable[str], port: int) -> httpcore2.AsyncNetworkStream:
    backend = httpcore2.AnyIOBackend()
    failure: Exception = httpcore2.ConnectError("no address")
    for address in addresses:
        try:
            return await backend.connect_tcp(address, port, CONNECT_SECONDS)
        except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
            failure = error
    raise failure
