"""Clients that shut their side down after the request, as `nc -N` and some libraries do."""

from __future__ import annotations

import re
import socket

import pytest

from tests.http.asking import connected, noise, picture
from tests.server import Server

pytestmark = pytest.mark.joint


def answers_to(server: Server, request: bytes) -> list[int]:
    """The statuses of all final answers to a request after which nothing is sent any more."""
    received = b""
    with connected(server) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        while piece := connection.recv(1 << 16):
            received += piece
    statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]
    assert received.count(b"connection: close") <= 1
    return [status for status in statuses if status != 100]


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def test_the_answer_is_still_sent(server: Server) -> None:
    """Of the API, of a variant that must be made, of one in memory, and of a file."""
    image = server.upload(noise((900, 700)))
    url = image["urls"]["original"]

    for path in ("/healthz", "/api/v1/images", f"{url}?w=60&blur=9", f"{url}?w=60&blur=9", url):
        assert answers_to(server, get(path)) == [200]


def test_a_complete_body_is_accepted(server: Server) -> None:
    """An upload is on disk when it is answered."""
    content = picture(60)
    head = f"POST /images HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n\r\n"

    assert answers_to(server, head.encode() + content) == [201]


def test_every_request_of_a_pipeline_is_answered(server: Server) -> None:
    """In order, and then the connection ends."""
    url = server.upload(picture(61))["urls"]["original"]
    paths = ["/healthz", f"{url}?w=61", "/no-such", "/api/v1/images", "/healthz"]

    assert answers_to(server, b"".join(map(get, paths))) == [200, 200, 404, 200, 200]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /healthz HTTP/1.1\r\nHost: local",
        b"POST /images HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n1234",
        b"",
    ],
)
def test_a_truncated_request_gets_no_success(server: Server, request_bytes: bytes) -> None:
    """And nothing waits for the rest."""
    assert not [status for status in answers_to(server, request_bytes) if status < 400]


def test_a_stream_of_events_ends_with_its_reader(server: Server) -> None:
    """It would go on without end otherwise."""
    with connected(server) as connection:
        connection.sendall(get("/api/v1/events"))
        assert b"retry: 1000" in connection.recv(1 << 16) + connection.recv(1 << 16)
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(1 << 16):
            pass


def test_a_request_before_an_invalid_one_is_answered(server: Server) -> None:
    """As a body without a length, which is taken for the next request."""
    head = b"POST /images HTTP/1.1\r\nHost: localhost\r\n\r\n"

    assert answers_to(server, head + picture(62)) == [400]
