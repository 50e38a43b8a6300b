"""Variants in memory are answered without a task: only the speed differs."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Scope

from imagesvc.syntax.header_fields import FieldsByName
from tests.http.asking import (
    CHUNK,
    RawAnswer,
    connected,
    ends_while_it_is_sent,
    picture,
    read_raw,
)
from tests.in_process import answer_of
from tests.server import Server

SECONDS = 1
KEPT_ALIVE = 5
DIFFERENT = {"date", "x-request-id", "connection", "server-timing"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that is patient only with connections that are idle."""
    shared = Server(
        tmp_path_factory.mktemp("inline") / "data",
        workers=1,
        header_timeout=f"{SECONDS}s",
        body_timeout=f"{SECONDS}s",
        send_timeout=f"{2 * SECONDS}s",
        keep_alive_timeout=f"{KEPT_ALIVE}s",
    ).start()
    yield shared
    shared.close()


@pytest.fixture(scope="module")
def hot(server: Server) -> str:
    """The URL of a variant that has been answered from memory before."""
    return warmed(server, 1)


def warmed(server: Server, seed: int, width: int = 20) -> str:
    """A variant's URL that memory answers from now on."""
    image = server.upload(picture(seed), visibility="public")
    server.finished(image["job"]["id"])
    url = f"/images/{image['id']}?w={width}"
    for _ in range(3):
        assert server.client.get(url).status_code == 200
    return url


def request(url: str, *fields: str, version: str = "1.1") -> bytes:
    """A GET as it goes over the wire."""
    lines = [f"GET {url} HTTP/{version}", "Host: [::1]", *fields, "", ""]
    return "\r\n".join(lines).encode()


def ask(server: Server, sent: bytes) -> RawAnswer:
    """The first answer to some bytes."""
    with connected(server) as connection:
        connection.sendall(sent)
        answer = read_raw(connection)
    assert answer is not None
    return answer


def all_of(connection: socket.socket) -> bytes:
    """What comes until the server ends the connection."""
    received = b""
    while piece := connection.recv(65536):
        received += piece
    return received


@pytest.mark.parametrize("fields", [(), ("If-None-Match: *",)], ids=["200", "304"])
def test_an_inline_answer_is_the_same_as_any_other(
    server: Server, hot: str, fields: tuple[str, ...]
) -> None:
    """The one that ends a connection is the application's."""
    inline = ask(server, request(hot, *fields))
    other = ask(server, request(hot, *fields, "Connection: close"))

    same = [item for item in inline.headers if item[0] not in DIFFERENT]
    assert same == [item for item in other.headers if item[0] not in DIFFERENT]
    assert (inline.status, inline.body) == (other.status, other.body)
    assert inline.all("connection") == []
    assert other.all("connection") == ["close"]
    assert len(inline.all("date")) == len(inline.all("x-request-id")) == 1


def test_conditions_on_several_lines_are_one_list(server: Server, hot: str) -> None:
    """An intermediary may split a field, or join its lines (RFC 9110, section 5.3)."""
    (etag,) = ask(server, request(hot)).all("etag")

    split = ask(server, request(hot, 'If-None-Match: "other"', f"If-None-Match: {etag}"))
    other = ask(server, request(hot, 'If-None-Match: "other"', 'If-None-Match: "third"'))

    assert (split.status, other.status) == (304, 200)


def test_a_request_id_is_kept_if_it_is_a_plain_word(server: Server, hot: str) -> None:
    """Anything else would go into a log line and a field of the answer."""
    good = ask(server, request(hot, "X-Request-ID: abc-1"))
    bad = ask(server, request(hot, "X-Request-ID: a b"))

    assert good.all("x-request-id") == ["abc-1"]
    assert re.fullmatch(r"[0-9a-f]+-[0-9a-f]+", bad.all("x-request-id")[0])


def test_a_long_pipeline_is_answered_in_order(server: Server, hot: str) -> None:
    """Those at hand and those that are not, mixed: none overtakes another."""
    other = warmed(server, 2, width=31)
    urls = ["/no-such", *[hot] * 900, *[hot, other, "/healthz", other, "/no-such", hot] * 200]
    ids = [f"n{number}" for number in range(len(urls))]
    sent = b"".join(
        request(url, f"X-Request-ID: {name}") for url, name in zip(urls, ids, strict=True)
    )
    with connected(server) as connection:
        connection.sendall(sent + request("/healthz", "Connection: close"))
        received = all_of(connection)

    assert re.findall(rb"x-request-id: (n\d+)", received) == [name.encode() for name in ids]
    statuses = [404 if url == "/no-such" else 200 for url in urls] + [200]
    assert [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+)", received)] == statuses


def test_a_connection_is_kept_alive_after_an_answer(server: Server, hot: str) -> None:
    """As long as after any other, which is longer than a header may take; and no longer."""
    with connected(server) as connection:
        for _ in range(2):
            connection.sendall(request(hot))
            assert read_raw(connection) is not None
            time.sleep(1.5 * SECONDS)
        began = time.monotonic()
        connection.sendall(request(hot))
        assert read_raw(connection) is not None
        assert connection.recv(1) == b""

        assert time.monotonic() - began > KEPT_ALIVE - 1


def test_a_header_that_stops_after_an_answer_keeps_no_connection(server: Server, hot: str) -> None:
    """Also when it began in the same packet as the request before it."""
    with connected(server) as connection:
        connection.sendall(request(hot) + b"GET /heal")
        received = all_of(connection)

    assert re.findall(rb"HTTP/1\.1 (\d+)", received) == [b"200"]


def test_an_error_after_an_answer_is_reported(server: Server, hot: str) -> None:
    """The answers before it are whole."""
    with connected(server) as connection:
        connection.sendall(request(hot) * 2 + b"NONSENSE\r\n\r\n")
        received = all_of(connection)

    assert re.findall(rb"HTTP/1\.1 (\d+)", received) == [b"200", b"200", b"400"]


def test_an_unexpected_body_is_ignored(server: Server, hot: str) -> None:
    """It may come after the answer, and the next request after it."""
    with connected(server) as connection:
        connection.sendall(request(hot, "Content-Length: 5"))
        assert read_raw(connection) is not None
        connection.sendall(b"abcde" + request("/healthz", "Connection: close"))
        received = all_of(connection)

    assert re.findall(rb"HTTP/1\.1 (\d+)", received) == [b"200"]
    assert b'{"status":"ok"' in received


def test_an_endless_body_after_an_answer_ends(server: Server, hot: str) -> None:
    """No one reads the body."""
    with connected(server) as connection:
        connection.sendall(request(hot, "Transfer-Encoding: chunked"))
        assert read_raw(connection) is not None
        assert ends_while_it_is_sent(connection, CHUNK)


def test_an_http_1_0_client_is_answered_and_disconnected(server: Server, hot: str) -> None:
    """HTTP/1.0 keeps no connection."""
    with connected(server) as connection:
        connection.sendall(request(hot, version="1.0"))
        received = all_of(connection)

    assert re.findall(rb"HTTP/1\.1 (\d+)", received) == [b"200"]


@pytest.mark.breadth
def test_a_flood_of_one_client_delays_no_other(server: Server, hot: str) -> None:
    """What is at hand is answered a few at a time, however many requests come in one packet."""
    count = 10_000
    answers = 0
    with connected(server) as flood, ThreadPoolExecutor(1) as executor:
        sending = executor.submit(flood.sendall, request(hot, "If-None-Match: *") * count)
        with connected(server) as other, ThreadPoolExecutor(1) as reader:
            reading = reader.submit(until_answered, flood, count)
            while not reading.done():
                other.sendall(request("/healthz"))
                assert read_raw(other) is not None
                answers += 1
            assert reading.result() == count
        sending.result()

    assert answers > 5


def until_answered(connection: socket.socket, count: int) -> int:
    """Read so many answers without bodies; their number."""
    found, rest = 0, b""
    while found < count and (piece := connection.recv(1 << 18)):
        received = rest + piece
        found += received.count(b"HTTP/1.1 304")
        rest = received[-11:]
    return found


def broken(_scope: Scope, _fields: FieldsByName) -> tuple[bytes, bytes] | None:
    """A bug where answers at hand are looked up."""
    raise ValueError("a bug")


def test_a_bug_in_inline_answers_only_disables_them() -> None:
    """The request takes the long one; the parser would call it a bad request."""
    answer = answer_of(PlainTextResponse("the long way"), broken)

    assert (answer.status_code, answer.text) == (200, "the long way")
