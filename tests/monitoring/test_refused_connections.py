"""Connections that end before their request is complete: each is a line and is counted."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import pytest

from imagesvc.server.metrics.requests import REASONS
from tests.server import Server
from tests.waiting import PATIENCE, until

HOST = b"Host: localhost\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that waits three seconds for a head."""
    place = tmp_path_factory.mktemp("refusing") / "data"
    server = Server(place, header_timeout="3s", max_url_size="1KiB", max_header_size="4KiB").start()
    yield server
    server.close()


def answer_to(server: Server, sent: bytes) -> bytes:
    """All that the server sends, up to the end of the connection."""
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as connection:
        connection.sendall(sent)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def refused(server: Server) -> dict[str, float]:
    """Refused connections by reason."""
    text = server.client.get("/metrics").text
    found = re.findall(r'connections_refused_total\{reason="(\w+)"\} (\S+)', text)
    return {reason: float(count) for reason, count in found}


HOSTILE = b'\x1b]0;owned\x07"}\n{"action":"forged"}\r\n\r\n'


@pytest.mark.parametrize(
    ("reason", "status", "sent"),
    [
        ("tls", 400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32)),
        ("malformed", 400, HOSTILE),
        ("malformed", 400, b"GET / HTTP/1.1\r\n\r\n"),
        ("malformed", 400, b"CONNECT localhost:1 HTTP/1.1\r\n" + HOST + b"\r\n"),
        ("uri_too_long", 414, b"GET /" + b"x" * 2000 + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
        ("headers_too_large", 431, b"GET / HTTP/1.1\r\n" + HOST + b"A: " + b"x" * 8000),
        ("header_timeout", 408, b"GET / HTTP/1.1\r\nHo"),
    ],
)
def test_a_refused_connection_is_one_line_and_one_count(
    server: Server, reason: str, status: int, sent: bytes
) -> None:
    """The line has the id of the response, and nothing that the client sent."""
    before = refused(server)

    head = answer_to(server, sent).partition(b"\r\n\r\n")[0].decode()

    assert head.startswith(f"HTTP/1.1 {status} ")
    (request_id,) = re.findall(r"(?m)^x-request-id: (\S+)\r?$", head)
    (line,) = until(lambda: server.lines(request_id=request_id))
    assert line["action"] == "connection.refused"
    assert (line["reason"], line["status"], line["client"]) == (reason, status, "127.0.0.1")
    assert line["detail"]
    assert refused(server) == {**before, reason: before[reason] + 1}
    assert set(before) == set(REASONS)
    assert server.lines(action="forged") == []
    assert "\x1b" not in server.log()


def test_an_offer_to_upgrade_is_an_ordinary_request(server: Server) -> None:
    """It is answered as if there was no offer."""
    offer = b"Upgrade: websocket\r\nConnection: Upgrade, close\r\nX-Request-ID: offer\r\n\r\n"
    before = refused(server)

    answer_to(server, b"GET /nothing HTTP/1.1\r\n" + HOST + offer)

    (line,) = until(lambda: server.lines(request_id="offer"))
    assert (line["action"], line["status"], line["route"]) == ("request", 404, "other")
    assert refused(server) == before


def test_an_upload_that_its_client_gives_up_is_one_line(server: Server) -> None:
    """With the bytes that arrived, and not as a fault of the client or of the server."""
    head = b"POST /images HTTP/1.1\r\n" + HOST + b"Content-Type: image/jpeg\r\n"
    ends = b"X-Request-ID: gone\r\nContent-Length: 5000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as connection:
        connection.sendall(head + ends + b"\xff\xd8\xff" + bytes(997))

    (line,) = until(lambda: server.lines(request_id="gone"))
    assert (line["status"], line["route"], line["received"]) == (499, "upload", 1000)
