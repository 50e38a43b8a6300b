"""A proxy on loopback, through which a library reaches one checked place, and no other.

A library that looks names up itself, and follows redirects, could be led to an internal host. With
this proxy its connections go to the addresses that were checked, at one host and port (RFC 9110,
section 9.3.6). TLS is between the library and that host. A secret keeps other programs of this
machine out.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hmac
import secrets
from collections.abc import AsyncIterator
from http import HTTPStatus

from imagesvc.outbound.connections import CONNECT_SECONDS
from imagesvc.outbound.requests import Place

HEAD_SECONDS = 10.0
MAX_HEAD_BYTES = 8 << 10
PIECE_BYTES = 64 << 10
USER = "imagesvc"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@contextlib.asynccontextmanager
async def tunnel(place: Place) -> AsyncIterator[str]:
    """The URL of a proxy to a place; its connections end with the context."""
    proxy = _Proxy(place)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, limit=MAX_HEAD_BYTES)
    try:
        port = server.sockets[0].getsockname()[1]
        yield f"http://{USER}:{proxy.secret}@127.0.0.1:{port}"
    finally:
        server.close()
        await proxy.close()


class _Proxy:
    """The connections of one proxy."""

    def __init__(self, place: Place) -> None:
        self.secret = secrets.token_hex(16)
        credentials = base64.b64encode(f"{USER}:{self.secret}".encode()).decode()
        self._credentials = f"Basic {credentials}".encode()
        self._place = place
        host = f"[{place.url.host}]" if ":" in place.url.host else place.url.host
        self._authority = f"{host}:{place.url.port}".encode()
        self._serving: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        task = asyncio.current_task()
        if task is not None:
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)
        # Cancellation ends it, too: asyncio would log the task of a connection as failed.
        with contextlib.suppress(OSError, TimeoutError, asyncio.CancelledError):
            async with _closing(writer):
                await self._serve((reader, writer))

    async def close(self) -> None:
        """End all connections."""
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, client: Streams) -> None:
        status = await self._refusal(client[0])
        server = await self._connected() if status is None else None
        if server is None:
            await _answer(client[1], status or HTTPStatus.BAD_GATEWAY)
            return
        async with _closing(server[1]):
            await _answer(client[1], HTTPStatus.OK)
            await _relay(client, server)

    async def _refusal(self, reader: asyncio.StreamReader) -> HTTPStatus | None:
        """The status of a request that is not allowed."""
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return HTTPStatus.BAD_REQUEST
        line, *fields = head.split(b"\r\n")
        named = [field.partition(b":") for field in fields]
        given = [
            value.strip() for name, _, value in named if name.lower() == b"proxy-authorization"
        ]
        if len(given) != 1 or not hmac.compare_digest(given[0], self._credentials):
            return HTTPStatus.PROXY_AUTHENTICATION_REQUIRED
        is_allowed = line.lower() == b"connect " + self._authority.lower() + b" http/1.1"
        return None if is_allowed else HTTPStatus.FORBIDDEN

    async def _connected(self) -> Streams | None:
        for address in self._place.addresses:
            with contextlib.suppress(OSError, TimeoutError):
                async with asyncio.timeout(CONNECT_SECONDS):
                    return await asyncio.open_connection(str(address), self._place.url.port)
        return None


async def _answer(writer: asyncio.StreamWriter, status: HTTPStatus) -> None:
    writer.write(f"HTTP/1.1 {status.value} {status.phrase}\r\n\r\n".encode())
    await writer.drain()


async def _relay(client: Streams, server: Streams) -> None:
    """Copy both directions until one of them ends."""
    copies = [
        asyncio.create_task(_copy(client[0], server[1])),
        asyncio.create_task(_copy(server[0], client[1])),
    ]
    try:
        await asyncio.wait(copies, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for copy in copies:
            copy.cancel()
        await asyncio.gather(*copies, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(PIECE_BYTES):
        writer.write(piece)
        await writer.drain()


@contextlib.asynccontextmanager
async def _closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    try:
        yield
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
