"""Connections on which memory answers some requests, and the application the others."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from imagesvc.server.answers import MAX_INLINE
from imagesvc.server.bounds import connection_bounds
from imagesvc.server.protocol import BoundedProtocol, bounded
from imagesvc.settings.settings import Settings
from imagesvc.syntax.header_fields import FieldsByName

HOT, OTHER = b"GET /hot HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /other HTTP/1.1\r\nHost: a\r\n\r\n"
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n"
KEPT_ALIVE = 20


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def inline(scope: Scope, _fields: FieldsByName) -> tuple[bytes, bytes] | None:
    """What memory answers."""
    return (HEAD, b"") if scope["path"] == "/hot" else None


async def endless(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """An application whose responses never begin."""
    await asyncio.Event().wait()


@asynccontextmanager
async def connection() -> AsyncIterator[BoundedProtocol]:
    """A connection, for calls of what the event loop calls: `data_received`, `check_speed`."""
    protocol = bounded(connection_bounds(Settings()), inline)
    config = uvicorn.Config(
        endless, http=protocol, lifespan="off", log_config=None, timeout_keep_alive=KEPT_ALIVE
    )
    config.load()
    loop = asyncio.get_running_loop()
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()),
    ):
        ours, _address = listener.accept()
        _transport, kept = await loop.connect_accepted_socket(
            lambda: protocol(config=config, server_state=ServerState(), app_state={}), ours
        )
        yield kept
        kept.cut_off()
        for task in kept.tasks:
            task.cancel()


@pytest.mark.anyio
@pytest.mark.parametrize("last", [HOT, HOT * 2, HOT + b"\r\n"])
async def test_a_connection_is_idle_after_an_inline_answer(last: bytes) -> None:
    """It is kept alive as long as after any other answer."""
    async with connection() as kept:
        kept.data_received(last)
        now = asyncio.get_running_loop().time()

        kept.check_speed(now + 0.9 * min(KEPT_ALIVE, kept.bounds.header_seconds))
        assert not kept.transport.is_closing()
        kept.check_speed(now + 1.1 * max(KEPT_ALIVE, kept.bounds.header_seconds))
        assert kept.transport.is_closing()


@pytest.mark.anyio
@pytest.mark.parametrize("sent", [[HOT + OTHER], [HOT, OTHER], [HOT + OTHER + HOT]])
async def test_a_running_request_keeps_a_connection_that_was_idle(sent: list[bytes]) -> None:
    """A response of the application may take longer than a connection may be idle."""
    async with connection() as kept:
        for piece in sent:
            kept.data_received(piece)

        kept.check_speed(asyncio.get_running_loop().time() + 10 * KEPT_ALIVE)

        assert not kept.transport.is_closing()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("sent", "count"),
    [
        (HOT, 1),
        (HOT * 3, 3),
        (OTHER + HOT, 0),
        (HOT + OTHER + HOT, 1),
        (HOT * (MAX_INLINE + 9), MAX_INLINE),
        (b"GET http://a/hot HTTP/1.1\r\nHost: a\r\n\r\n", 1),
        (b"GET /hot?a=b HTTP/1.1\r\nHost: a\r\n\r\n", 1),
        (b"GET /hot HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 0),
        (b"GET /hot HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na", 0),
        (b"GET /hot HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0),
        (b"GET /hot HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 0),
        (b"HEAD /hot HTTP/1.1\r\nHost: a\r\n\r\n", 0),
        (b"POST /hot HTTP/1.1\r\nHost: a\r\n\r\n", 0),
        (b"GET /h%6ft HTTP/1.1\r\nHost: a\r\n\r\n", 0),
        (b"GET /hot#a HTTP/1.1\r\nHost: a\r\n\r\n", 0),
    ],
)
async def test_only_plain_requests_are_answered_inline(sent: bytes, count: int) -> None:
    """The others are for the application: in order, and with all that they need."""
    async with connection() as kept:
        kept.data_received(sent)

        assert kept.server_state.total_requests == count
