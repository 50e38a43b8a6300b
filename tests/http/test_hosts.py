"""Host and request target: what RFC 9112, sections 3.2 and 3.3, asks of a server."""

from __future__ import annotations

import pytest

from tests.http.asking import send_raw
from tests.server import Server

pytestmark = pytest.mark.joint


def answer_to(server: Server, head: bytes) -> tuple[int, bytes]:
    """Status and body of the answer to a request's head."""
    answer = send_raw(server, head + b"\r\n")
    assert answer is not None
    return answer.status, answer.body


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n",
        b"GET /healthz HTTP/1.0\r\nHost: a\r\nHost: a\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a b\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a/b\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a, b\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: u@a\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a:b\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a:800000\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a:80:80\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: ::1\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: [::1\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: %zz\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: \xff\r\n",
        b"GET http://a/healthz HTTP/1.1\r\n",
        b"GET ftp://a/healthz HTTP/1.1\r\nHost: a\r\n",
        b"GET http://u:p@a/healthz HTTP/1.1\r\nHost: a\r\n",
        b"GET http:///healthz HTTP/1.1\r\nHost: a\r\n",
        b"GET a:80 HTTP/1.1\r\nHost: a\r\n",
        b"GET healthz HTTP/1.1\r\nHost: a\r\n",
    ],
)
def test_a_request_without_one_valid_host_is_refused(server: Server, head: bytes) -> None:
    """With a problem document, and the connection ends: what follows may belong to another site."""
    answer = send_raw(server, head + b"\r\n")

    assert answer is not None
    assert answer.status == 400
    assert answer.all("connection") == ["close"]
    assert answer.all("content-type") == ["application/problem+json"]


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.0\r\n",
        b"GET /healthz HTTP/1.0\r\nHost: a\r\n",
        b"GET /healthz HTTP/1.1\r\nHost:\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: A.example:8000\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: [::1]\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: [::ffff:192.0.2.1]:80\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: a_b.c~d%20\r\n",
        b"GET http://a/healthz HTTP/1.1\r\nHost: a\r\n",
        b"GET http://[::1]:8000/healthz?#x HTTP/1.1\r\nHost: a\r\n",
        b"GET HTTPS://a/healthz HTTP/1.1\r\nHost:\r\n",
    ],
)
def test_a_request_with_a_valid_host_is_answered(server: Server, head: bytes) -> None:
    """HTTP/1.0 may leave it out."""
    assert answer_to(server, head)[0] == 200


@pytest.mark.parametrize(
    "target", [b"http://localhost", b"http://localhost?", b"http://localhost/"]
)
def test_an_absolute_target_without_a_path_is_the_root(server: Server, target: bytes) -> None:
    """As in a browser's address bar."""
    with_path = answer_to(server, b"GET / HTTP/1.1\r\nHost: localhost\r\n")

    assert answer_to(server, b"GET %b HTTP/1.1\r\nHost: localhost\r\n" % target) == with_path


def test_the_host_of_an_absolute_target_replaces_the_field(server: Server) -> None:
    """Without accounts, a name that is not this machine's is refused, wherever it stands."""
    strange = b"GET http://a.example/api/v1/images HTTP/1.1\r\nHost: localhost\r\n"
    own = b"GET http://localhost:80/api/v1/images HTTP/1.1\r\nHost: a.example\r\n"

    assert answer_to(server, strange)[0] == 403
    assert answer_to(server, own)[0] == 200


def test_the_query_of_an_absolute_target_is_read(server: Server) -> None:
    """It is not lost with the host."""
    head = b"GET http://localhost/api/v1/images?limit=x HTTP/1.1\r\nHost: localhost\r\n"

    status, body = answer_to(server, head)

    assert status == 400
    assert b"limit" in body
