"""Answers to requests that are still being sent reach clients that read after they have sent.

urllib, http.client, Perl's LWP and PHP's streams send a request to its end, and ask that the
connection be closed. A connection that is closed with bytes unread is reset, and the reset takes
the answer with it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.accounts import admin_of
from tests.http.asking import BOUNDARY, RawAnswer, connected, file_part, multipart, read_raw
from tests.proxies import PLAIN, nginx
from tests.server import Server, new_client
from tests.waiting import PATIENCE

BODY = bytes(24 << 20)
"""More than is read before an error is answered, and than the buffers of a connection hold."""
FORM = multipart(file_part(BODY))
IS_FORM = f"Content-Type: multipart/form-data; boundary={BOUNDARY}"
LENGTH, FORM_LENGTH = f"Content-Length: {len(BODY)}", f"Content-Length: {len(FORM)}"
CHUNKED = b"%x\r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with accounts that takes small files, and waits two seconds for a header."""
    shared = Server(
        tmp_path_factory.mktemp("early") / "data", auth="required", max_upload_size="1MiB",
        header_timeout="2s", send_timeout=f"{PATIENCE}s",
    ).start()  # fmt: skip
    yield shared
    shared.close()


@pytest.fixture(scope="module")
def key(server: Server) -> str:
    """The header field of the server's admin."""
    return f"X-API-Key: {admin_of(server).key}"


def head(request_line: str, *fields: str) -> bytes:
    """The head of a request."""
    return "\r\n".join([request_line, "Host: localhost", *fields, "\r\n"]).encode()


def answer_after_all_is_sent(server: Server, request: bytes, body: bytes) -> RawAnswer | None:
    """Send a request to its end, and only then read."""
    with connected(server) as connection:
        connection.sendall(request)
        connection.sendall(body)
        return read_raw(connection)


@pytest.mark.parametrize(
    ("status", "request_line", "fields", "body"),
    [
        (401, "POST /images HTTP/1.1", (IS_FORM, FORM_LENGTH), FORM),
        (401, "POST /api/v1/collections HTTP/1.1", (LENGTH,), BODY),
        (404, "POST /nothing HTTP/1.1", (LENGTH,), BODY),
        (405, "PUT /images HTTP/1.1", (LENGTH,), BODY),
        (405, "PUT /images HTTP/1.1", ("Transfer-Encoding: chunked",), CHUNKED),
        (404, "PUT /uploads/0190?kid=a&exp=1&sig=b HTTP/1.1", (LENGTH,), BODY),
        (401, "POST /images HTTP/1.0", (LENGTH,), BODY),
        (404, "POST /nothing HTTP/1.0", (LENGTH,), BODY),
    ],
)
def test_a_refusal_reaches_strangers_that_still_send(
    server: Server, status: int, request_line: str, fields: tuple[str, ...], body: bytes
) -> None:
    """This holds for every kind of refusal."""
    request = head(request_line, "Connection: close", *fields)

    answer = answer_after_all_is_sent(server, request, body)

    assert answer is not None
    assert answer.status == status
    assert answer.all("connection") == ["close"]


@pytest.mark.parametrize(
    ("fields", "body"),
    [((LENGTH,), BODY), ((IS_FORM, FORM_LENGTH), FORM), (("Transfer-Encoding: chunked",), CHUNKED)],
)
@pytest.mark.parametrize("keeps", ["close", "keep-alive"])
def test_that_a_file_is_too_large_is_read(
    server: Server, key: str, fields: tuple[str, ...], body: bytes, keeps: str
) -> None:
    """However it is sent."""
    request = head("POST /images HTTP/1.1", key, f"Connection: {keeps}", *fields)

    answer = answer_after_all_is_sent(server, request, body)

    assert answer is not None
    assert answer.status == 413


def test_nginx_passes_refusals_on(server: Server, tmp_path: Path) -> None:
    """By default it speaks HTTP/1.0, and answers 502 where the connection is reset."""
    requests = (("POST", "/images"), ("POST", "/nothing"), ("PUT", "/images"))
    with (
        nginx(tmp_path, server.port, PLAIN) as port,
        new_client(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        statuses = [client.request(*request, content=BODY).status_code for request in requests]

    assert statuses == [401, 404, 405]


def test_a_connection_survives_a_slow_body_that_is_not_read(server: Server) -> None:
    """The next request begins after it, however long it takes."""
    piece, pieces = bytes(8 << 10), 40
    request = head("POST /nothing HTTP/1.1", f"Content-Length: {len(piece) * pieces}")
    with connected(server) as connection:
        connection.sendall(request)
        for _ in range(pieces):
            connection.sendall(piece)
            time.sleep(0.1)  # together twice as long as a header may take
        first = read_raw(connection)
        connection.sendall(head("GET /healthz HTTP/1.1"))
        second = read_raw(connection)

    assert first is not None
    assert second is not None
    assert (first.status, second.status) == (404, 200)
