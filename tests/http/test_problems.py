"""The form of errors; they are never cached and reveal no internals."""

from __future__ import annotations

import re

import httpx2
import pytest

from tests.http.asking import assert_problem, connected, picture, send_raw
from tests.server import Server

pytestmark = pytest.mark.joint

UNKNOWN = "0190c0de-0000-7000-8000-000000000000"
ERRORS = [
    ("GET", "/nothing", 404, "not_found"),
    ("GET", "/api/v1", 404, "not_found"),
    ("GET", "/api/v1/", 404, "not_found"),
    ("GET", "/api/v2/images", 404, "not_found"),
    ("GET", "//api/v1/images", 404, "not_found"),
    ("GET", "/API/v1/images", 404, "not_found"),
    ("GET", "/images/%2e%2e/%2e%2e/etc/passwd", 404, "not_found"),
    ("GET", f"/images/{UNKNOWN}", 404, "not_found"),
    ("GET", f"/images/{UNKNOWN}/thumbnail?w=0", 400, "invalid_transform"),
    ("GET", "/api/v1/images?limit=0", 400, "invalid_request"),
    ("POST", "/images", 400, "no_file"),
    ("PUT", "/images", 405, "method_not_allowed"),
    ("PATCH", "/healthz", 405, "method_not_allowed"),
]


@pytest.mark.parametrize(("method", "path", "status", "code"), ERRORS)
def test_an_error_is_a_problem_document(
    server: Server, method: str, path: str, status: int, code: str
) -> None:
    """Every error has one form, with a stable code for programs (RFC 9457)."""
    assert_problem(server.client.request(method, path), status, code)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/images", "OPTIONS, POST"),
        ("DELETE", f"/images/{UNKNOWN}", "GET, HEAD, OPTIONS"),
        ("POST", f"/blurred-images/{UNKNOWN}", "GET, HEAD, OPTIONS"),
        ("PUT", "/api/v1/images", "GET, HEAD, OPTIONS, POST"),
        ("POST", f"/api/v1/images/{UNKNOWN}", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("PUT", f"/api/v1/images/{UNKNOWN}/variants", "DELETE, GET, HEAD, OPTIONS"),
        ("GET", "/api/v1/images/actions/upload", "OPTIONS, POST"),
        ("POST", "/api/v1/jobs", "GET, HEAD, OPTIONS"),
        ("PUT", f"/api/v1/jobs/{UNKNOWN}", "DELETE, GET, HEAD, OPTIONS"),
        ("GET", f"/api/v1/jobs/{UNKNOWN}/retry", "OPTIONS, POST"),
        ("TRACE", "/", "GET, HEAD, OPTIONS"),
    ],
)
def test_an_unknown_method_is_answered_with_the_allowed_ones(
    server: Server, method: str, path: str, allowed: str
) -> None:
    """All of them are named: several routes share a path (RFC 9110, section 15.5.6)."""
    answer = server.client.request(method, path)

    assert_problem(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/readyz", "GET, HEAD, OPTIONS"),
        (f"/images/{UNKNOWN}", "GET, HEAD, OPTIONS"),
        ("/api/v1/images", "GET, HEAD, OPTIONS, POST"),
        (f"/uploads/{UNKNOWN}", "OPTIONS, POST, PUT"),
    ],
)
def test_options_name_the_methods_of_a_url(server: Server, path: str, allowed: str) -> None:
    """RFC 9110, section 9.3.7; a URL without methods does not exist."""
    answer = server.client.options(path)

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["allow"] == allowed
    assert_problem(server.client.options("/nothing"), 404, "not_found")


def test_options_of_the_whole_server_are_answered(server: Server) -> None:
    """Proxies and monitors use it to check that a server runs."""
    answer = send_raw(server, b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n")

    assert answer is not None
    assert answer.status == 204
    assert answer.all("allow") == ["DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"]


def test_an_error_to_head_has_no_body(server: Server) -> None:
    """Otherwise the connection would be out of step."""
    answer = server.client.head("/nothing")

    assert answer.status_code == 404
    assert answer.content == b""


def test_errors_of_a_url_are_not_remembered(server: Server) -> None:
    """An error is not remembered: the same URL works when the cause is gone."""
    image = server.upload(picture(1))
    url = f"/images/{image['id']}?w=50"
    assert_problem(server.client.get(f"{url}&fit=no"), 400, "invalid_transform")

    assert server.client.get(url).status_code == 200
    assert_problem(server.client.get(f"{url}&fit=no"), 400, "invalid_transform")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST /images HTTP/1.1\r\nHost: [::1]\r\nContent-Length: -5\r\n\r\n",
        b"POST /images HTTP/1.1\r\nHost: [::1]\r\nContent-Length: 1e3\r\n\r\n",
        b"POST /images HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"POST /images HTTP/1.1\r\nHost: [::1]\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /images/\x00 HTTP/1.1\r\nHost: [::1]\r\n\r\n",
    ],
)
def test_non_http_data_is_refused_without_effect_on_others(
    server: Server, request_bytes: bytes
) -> None:
    """The response is a 4xx or a closed connection; the next client is served normally."""
    answer = send_raw(server, request_bytes)

    assert answer is None or 400 <= answer.status < 500
    assert server.client.get("/healthz").status_code == 200


def test_two_requests_on_one_connection_do_not_mix(server: Server) -> None:
    """A request after a refused upload is a separate request, or none."""
    with connected(server) as connection:
        body = b"x" * 50
        head = b"POST /images HTTP/1.1\r\nHost: [::1]\r\nContent-Length: %d\r\n\r\n" % len(body)
        connection.sendall(head + body + b"GET /healthz HTTP/1.1\r\nHost: [::1]\r\n\r\n")
        received = b""
        while received.count(b"HTTP/1.1 ") < 2:
            piece = connection.recv(65536)
            assert piece, received
            received += piece

    statuses = re.findall(rb"HTTP/1\.1 (\d+)", received)
    assert statuses == [b"415", b"200"]


def test_no_error_reveals_internals(server: Server) -> None:
    """Responses to strangers contain no path, module or SQL."""
    answers = [server.client.request(method, path) for method, path, *_ in ERRORS]
    answers += [
        server.client.post("/images", content=content)
        for content in (b"text" * 999, picture(2)[:999], b"\x89PNG\r\n\x1a\n" + b"x" * 99)
    ]

    assert [leak for answer in answers for leak in leaks(server, answer)] == []


def leaks(server: Server, answer: httpx2.Response) -> list[str]:
    """Internals that a response must not reveal."""
    text = answer.text + str(answer.headers)
    words = [str(server.data_dir), "Traceback", "imagesvc/", ".py", "SELECT", "sqlite", "uvicorn"]
    return [word for word in words if word in text]
