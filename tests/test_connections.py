"""How connections are counted."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from ipaddress import ip_network
from typing import Any

import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from uvicorn.server import ServerState

from imagesvc.auth.rates.limits import network_of
from imagesvc.server.bounds import connection_bounds
from imagesvc.server.protocol import BoundedProtocol, bounded
from imagesvc.settings.settings import Settings
from tests.conftest import MakeServer
from tests.server import Server
from tests.waiting import PATIENCE, until


class Peer(socket.socket):
    """A socket whose peer has a chosen address."""

    address = ""

    def getpeername(self) -> tuple[str, int]:
        """The address, and some port."""
        return self.address, 1


class From(asyncio.Transport):
    """A connection from an address, with the data written to it."""

    def __init__(self, address: str) -> None:
        peer = Peer()
        peer.address = address
        super().__init__({"socket": peer})
        self.written = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Store the data."""
        self.written += data

    def write_eof(self) -> None:
        """Accept the end."""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Accept any limits."""

    def is_closing(self) -> bool:
        """Stay open."""
        return False


async def refusals(addresses: list[str], **settings: Any) -> list[bool]:
    """Connect once from each address; returns whether the connection was refused."""
    known = Settings(**settings)
    protocol = bounded(connection_bounds(known), lambda _scope, _fields: None)
    config = uvicorn.Config(PlainTextResponse("a"), http=protocol, log_config=None)
    found, open_now = [], []
    for address in addresses:
        connection: BoundedProtocol = protocol(
            config=config, server_state=ServerState(), app_state={}
        )
        transport = From(address)
        connection.connection_made(transport)
        open_now.append((connection, transport))
        found.append(transport.written.startswith(b"HTTP/1.1 503"))
    for connection, transport in open_now:
        connection.connection_lost(OSError("gone"))
        transport.get_extra_info("socket").close()
    return found


def test_addresses_of_one_ipv6_network_are_one_client() -> None:
    """A customer has a /64, with more addresses than any limit."""
    addresses = [f"2001:db8:0:1::{number:x}" for number in range(3)]
    others = ["2001:db8:0:2::1", "192.0.2.1"]

    found = asyncio.run(refusals([*addresses, *others], max_connections_per_address=2))

    assert found == [False, False, True, False, False]


def test_ipv4_in_ipv6_is_ipv4() -> None:
    """A dual-stack socket reports it this way."""
    addresses = ["192.0.2.1", "::ffff:192.0.2.1", "::ffff:192.0.2.2"]

    found = asyncio.run(refusals(addresses, max_connections_per_address=1))

    assert found == [False, True, False]


def test_a_trusted_proxy_is_not_counted_however_its_address_is_written() -> None:
    """It connects for many clients."""
    found = asyncio.run(
        refusals(
            ["::ffff:192.0.2.1", "192.0.2.1", "192.0.2.9"],
            max_connections_per_address=1,
            trusted_proxies=(ip_network("192.0.2.1/32"),),
            auth="required",
        )
    )

    assert found == [False, False, False]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8::1:2:3:4", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("/run/socket", "/run/socket"),
        ("", ""),
    ],
)
def test_addresses_are_grouped_for_counting(address: str, network: str) -> None:
    """Rate limits and connections use the same rule."""
    assert network_of(address) == network


def test_refused_connections_are_logged_and_counted(make_server: MakeServer) -> None:
    """They are counted by the exceeded limit, with the most frequent address."""
    server = make_server(max_connections_per_address=3)
    address = ("127.0.0.1", server.port)
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.create_connection(address, PATIENCE)) for _ in range(6)]
        refused = [connection for connection in held[-2:] if connection.recv(1)]
    server.client.get("/healthz")

    figure = 'imagesvc_connections_refused_total{reason="max_connections_per_address"}'
    (count,) = re.findall(re.escape(figure) + r" (\d+)", until(lambda: metrics(server)))
    assert int(count) >= len(refused) == 2
    told = until(lambda: server.lines(action="connections.full"))[0]
    assert (told["limit"], told["client"]) == ("max_connections_per_address", "127.0.0.1")
    until(lambda: len(server.lines(action="connection.refused")) >= int(count))
    each = server.lines(action="connection.refused")
    assert {line["reason"] for line in each} == {"max_connections_per_address"}


def metrics(server: Server) -> str:
    """The metrics, when a connection is free."""
    answer = server.client.get("/metrics")
    return answer.text if answer.status_code == 200 else ""
