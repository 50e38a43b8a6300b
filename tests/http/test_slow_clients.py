"""Clients that are slow, or send without end, occupy few resources for a limited time."""

from __future__ import annotations

import contextlib
import inspect
import io
import itertools
import os
import socket
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from tests.breadth import represented
from tests.conftest import MakeServer
from tests.http.asking import (
    CHUNK,
    RawAnswer,
    connected,
    ends_while_it_is_sent,
    noise,
    orphans,
    picture,
    read_raw,
    send_raw,
)
from tests.server import Server
from tests.waiting import PATIENCE, until

SECONDS = 1


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with short time-outs."""
    shared = Server(
        tmp_path_factory.mktemp("slow") / "data",
        header_timeout=f"{SECONDS}s",
        body_timeout=f"{SECONDS}s",
        send_timeout=f"{SECONDS}s",
        keep_alive_timeout=f"{SECONDS}s",
        max_connections_per_address=40,
    ).start()
    yield shared
    shared.close()


@pytest.fixture(scope="module")
def large(server: Server) -> tuple[str, int]:
    """The path and bytes of an original that is larger than the kernel's buffers."""
    side = 2600
    out = io.BytesIO()
    Image.frombytes("L", (side, side), os.urandom(side * side)).save(out, "PNG", compress_level=1)
    image = server.upload(out.getvalue(), "large.png")
    server.finished(image["job"]["id"])
    return f"/images/{image['id']}", len(out.getvalue())


def memory_of(server: Server) -> int:
    """Resident bytes of the server process."""
    pages = Path(f"/proc/{server.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def is_closed(connection: socket.socket) -> bool:
    """Whether the server closes the connection without a response."""
    try:
        return connection.recv(65536) == b""
    except ConnectionResetError:
        return True


def code_of(answer: RawAnswer | None) -> tuple[int, bytes]:
    """Status and error code of a problem document."""
    assert answer is not None
    return answer.status, answer.body.partition(b'"code":"')[2].partition(b'"')[0]


def test_a_header_that_is_not_completed_is_answered_408(server: Server) -> None:
    """Slowloris sends a header byte by byte to occupy every connection of a server."""
    with connected(server) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: [::1]\r\nX-A: ")

        assert code_of(read_raw(connection)) == (408, b"request_timeout")


def test_a_header_that_drips_is_answered_408(server: Server) -> None:
    """The time-out applies to the whole header, not to a pause in it."""
    with connected(server) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n")
        assert ends_while_it_is_sent(connection, b"X-A: b\r\n", pause=0.1)

        assert code_of(read_raw(connection)) == (408, b"request_timeout")


def test_a_connection_that_sends_nothing_is_closed(server: Server) -> None:
    """There is no response: a browser that connects in advance would read a 408 as one."""
    with connected(server) as connection:
        assert is_closed(connection)


@pytest.mark.parametrize("after", [b"", b"\r\n"])
def test_an_idle_connection_is_closed(server: Server, after: bytes) -> None:
    """An empty line before a request is not a request."""
    with connected(server) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: [::1]\r\n\r\n")
        answer = read_raw(connection)
        assert answer is not None
        assert answer.status == 200
        connection.sendall(after)

        until(lambda: is_closed(connection))


def test_two_hundred_idle_connections_are_closed(server: Server) -> None:
    """Those beyond the limit of their address are closed first, the others after the time-out."""
    idle = [connected(server) for _ in range(200)]
    for connection in idle[:20]:
        connection.sendall(b"GET / HTTP/1.1\r\nHost")

    until(lambda: not server.held())

    for connection in idle:
        connection.close()
    assert server.client.get("/healthz").status_code == 200


def test_too_many_connections_of_an_address_are_answered_503(server: Server) -> None:
    """One address must not occupy all connections."""

    def one_too_many() -> RawAnswer | None:
        with contextlib.ExitStack() as stack:
            for _ in range(40):
                stack.enter_context(connected(server))
            answer = send_raw(server, b"GET /healthz HTTP/1.1\r\nHost: [::1]\r\n\r\n")
        return answer if code_of(answer) == (503, b"overloaded") else None

    answer = until(one_too_many)  # the 40 are closed after a while, so it may come too late

    assert answer.all("retry-after")
    until(lambda: not server.held())


UPLOAD = b"POST /images HTTP/1.1\r\nHost: [::1]\r\nContent-Type: image/jpeg\r\n"


@pytest.mark.parametrize(
    "head",
    [UPLOAD + b"Content-Length: 100000\r\n\r\n", UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n"],
)
def test_a_body_that_stalls_is_answered_408_and_leaves_nothing(server: Server, head: bytes) -> None:
    """The file in tmp/ is removed, too."""
    with connected(server) as connection:
        connection.sendall(head + b"5\r\nabcde\r\n")

        answer = read_raw(connection)

        assert code_of(answer) == (408, b"request_timeout")
        assert answer is not None
        assert answer.all("connection") == ["close"]
        assert is_closed(connection)
    assert orphans(server) == []


def test_a_body_that_drips_is_answered_408(server: Server) -> None:
    """A body that trickles never stalls, and would take days."""
    with connected(server) as connection:
        connection.sendall(UPLOAD + b"Content-Length: 100000\r\n\r\n")
        assert ends_while_it_is_sent(connection, b"a", pause=0.2)

        assert code_of(read_raw(connection)) == (408, b"request_timeout")
    assert orphans(server) == []


def test_endless_chunk_extensions_do_not_count_as_body(server: Server) -> None:
    """The parser drops them, so the application never sees them."""
    with connected(server) as connection:
        connection.sendall(UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n5;a=")
        with contextlib.suppress(OSError):
            for _ in range(200):
                connection.sendall(b"b" * 1024)

        answer = read_raw(connection)

    assert code_of(answer)[0] in {408, 431}
    assert orphans(server) == []


class Pace:
    """The times of a client's steps: on a busy machine, a pause may be longer than intended."""

    def __init__(self) -> None:
        self._began = self._last = time.monotonic()
        self._longest = 0.0

    def pause(self, seconds: float) -> None:
        """Wait before the next step."""
        time.sleep(seconds)
        now = time.monotonic()
        self._longest, self._last = max(self._longest, now - self._last), now

    @property
    def total(self) -> float:
        """Seconds from the first step to the last."""
        return self._last - self._began

    @property
    def is_steady(self) -> bool:
        """Whether no two steps were as far apart as a time-out."""
        return self._longest < SECONDS / 2


def answer_to_pieces(
    server: Server, pieces: Iterable[bytes], pause: float
) -> tuple[RawAnswer | None, Pace]:
    """The answer to a request that is sent in pieces, and their pace."""
    pace = Pace()
    with connected(server) as connection:
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                connection.sendall(piece)
                pace.pause(pause)
        return read_raw(connection), pace


def test_a_slow_steady_body_is_accepted(server: Server) -> None:
    """A mobile client may take longer than any one time-out."""
    content = noise((300, 300))
    starts = range(0, len(content), 4096)
    head = UPLOAD + b"Content-Length: %d\r\n\r\n" % len(content)
    pieces = [head, *(content[start : start + 4096] for start in starts)]

    def accepted() -> bool:
        answer, pace = answer_to_pieces(server, pieces, 2.5 * SECONDS / len(starts))
        assert not pace.is_steady or (answer is not None and answer.status == 201)
        return pace.is_steady

    until(accepted)


def test_a_client_that_does_not_read_is_cut_off(server: Server, large: tuple[str, int]) -> None:
    """The buffer, the open file and the connection are freed."""
    path, _ = large
    until(lambda: not server.held())
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.connect(("127.0.0.1", server.port))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: [::1]\r\n\r\n".encode())
    until(server.held)

    until(lambda: not server.held())

    connection.close()


@pytest.mark.files  # its open files show that it is being sent
def test_an_unread_pipeline_is_cut_off(server: Server, large: tuple[str, int]) -> None:
    """Each of its requests is notified, so that none keeps its file or continues to write."""
    path, _ = large
    until(lambda: not server.held())
    logged = len(server.log())
    clients = [connected(server) for _ in range(12)]
    for client in clients:
        request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"
        client.sendall(request.encode() * 3)
    until(lambda: len(server.held()) > 12)

    until(lambda: not server.held())

    assert "Traceback" not in server.log()[logged:]
    for client in clients:
        client.close()


def test_a_client_that_reads_slowly_is_served_to_the_end(
    server: Server, large: tuple[str, int]
) -> None:
    """The kernel holds more data for the client than it reads within the time-out."""
    path, size = large

    def served() -> bool:
        received, pace = read_slowly(server, path)
        assert not pace.is_steady or received > size
        return pace.is_steady

    until(served)


def read_slowly(server: Server, path: str) -> tuple[int, Pace]:
    """The bytes of a response that is read slowly for a while, and the pace of the reading."""
    received, pace = 0, Pace()
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 10)  # a near window
        connection.settimeout(PATIENCE)
        connection.connect(("127.0.0.1", server.port))
        request = f"GET {path} HTTP/1.1\r\nHost: [::1]\r\nConnection: close\r\n\r\n"
        connection.sendall(request.encode())
        with contextlib.suppress(ConnectionError):
            while piece := connection.recv(16 << 10):
                received += len(piece)
                if pace.total < 3 * SECONDS:
                    pace.pause(SECONDS / 20)
    return received, pace


def test_a_header_of_ten_megabytes_is_answered_431(server: Server) -> None:
    """The data is dropped as it arrives, not collected."""
    before = memory_of(server)
    request = b"GET /healthz HTTP/1.1\r\nHost: [::1]\r\nX-A: " + b"a" * (10 << 20)

    answer = send_raw(server, request)

    assert code_of(answer) == (431, b"headers_too_large")
    assert memory_of(server) - before < 4 << 20


@pytest.mark.parametrize(
    ("request_bytes", "expected"),
    [
        (b"GET /healthz HTTP/1.1\r\n" + b"X-A: b\r\n" * 101 + b"\r\n", (431, b"headers_too_large")),
        (
            b"GET /healthz HTTP/1.1\r\n" + b"X-A: %s\r\n" % (b"a" * 8000) * 9 + b"\r\n",
            (431, b"headers_too_large"),
        ),
        (b"GET /%s HTTP/1.1\r\n\r\n" % (b"a" * 40_000), (414, b"uri_too_long")),
        (b"GET / HTTP/9.9 and more\r\n\r\n", (400, b"invalid_request")),
    ],
)
def test_a_header_out_of_bounds_is_refused(
    server: Server, request_bytes: bytes, expected: tuple[int, bytes]
) -> None:
    """The response is a problem document, and the connection is closed."""
    answer = send_raw(server, request_bytes)

    assert code_of(answer) == expected
    assert answer is not None
    assert answer.all("connection") == ["close"]


def test_trailers_without_an_end_are_cut_off(server: Server) -> None:
    """A trailer is a header after the body."""
    before = memory_of(server)
    head = UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\nX-A: "

    answer = send_raw(server, head + b"a" * (10 << 20))

    assert answer is not None
    assert answer.status in {408, 431, 415}
    assert memory_of(server) - before < 6 << 20
    assert orphans(server) == []


def test_a_header_within_bounds_passes_in_any_number_of_pieces(server: Server) -> None:
    """A header within the limits is accepted for every split into pieces."""
    fields = b"Host: [::1]\r\n" + b"X-A: %s\r\n" % (b"a" * 400) * 70
    request = b"GET /healthz HTTP/1.1\r\n" + fields + b"\r\n"
    pieces = [request[start : start + 7001] for start in range(0, len(request), 7001)]

    def answered() -> bool:
        answer, pace = answer_to_pieces(server, pieces, 0.01)
        assert pace.total > SECONDS / 2 or (answer is not None and answer.status == 200)
        return pace.total < SECONDS / 2

    until(answered)


def test_requests_in_a_row_are_each_answered(server: Server) -> None:
    """Pipelining is rare, but part of HTTP/1.1."""
    with connected(server) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: [::1]\r\nX-A: b\r\n\r\n" * 30)
        received = b""
        while received.count(b"HTTP/1.1 200") < 30:
            piece = connection.recv(65536)
            assert piece
            received += piece


def test_requests_before_a_malformed_one_are_answered(server: Server) -> None:
    """The error of the next request must not replace the response."""
    good = b"GET /healthz HTTP/1.1\r\nHost: [::1]\r\n\r\n"
    with connected(server) as connection:
        connection.sendall(good * 2 + b"NONSENSE\r\n\r\n")
        received = b""
        while piece := connection.recv(65536):
            received += piece

    assert received.count(b"HTTP/1.1 200") == 2
    assert received.count(b"connection: close") == 1


UNREAD = ("GET /healthz", "POST /nothing", "PUT /images")
"""Requests whose body no route reads."""


@pytest.mark.parametrize(
    ("keeps", "path"),
    represented(
        itertools.product(("keep-alive", "close"), UNREAD),
        ("keep-alive", "POST /nothing"), ("close", "GET /healthz"),
    ),
)  # fmt: skip
def test_an_endless_unread_body_ends(server: Server, path: str, keeps: str) -> None:
    """It is sent to a route that does not read it."""
    with connected(server) as connection:
        head = f"{path} HTTP/1.1\r\nHost: [::1]\r\nConnection: {keeps}\r\n"
        connection.sendall(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n")
        assert ends_while_it_is_sent(connection, CHUNK)
    assert server.client.get("/healthz").status_code == 200


@pytest.mark.breadth
def test_an_endless_file_ends(make_server: MakeServer) -> None:
    """A client that never stops sending is disconnected, and no data is kept."""
    server = make_server(max_upload_size="100KiB", send_timeout="1s")
    with connected(server) as connection:
        connection.sendall(UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n")
        assert ends_while_it_is_sent(connection, CHUNK)
    assert orphans(server) == []


def test_an_upload_within_the_timeouts_is_accepted(server: Server) -> None:
    """The limits do not affect normal uploads."""
    assert server.upload(picture(7))["status"] == "pending"


def test_uvicorn_has_the_private_parts_that_the_protocol_uses() -> None:
    """These names are private to uvicorn: the test detects an upgrade that changes them."""
    for name in (
        "connection_made",
        "connection_lost",
        "data_received",
        "on_message_begin",
        "on_header",
        "on_headers_complete",
        "on_body",
        "on_message_complete",
        "resume_writing",
        "_unset_keepalive_if_required",
        "_start_asgi_task",
        "on_response_complete",
    ):
        assert inspect.isfunction(getattr(HttpToolsProtocol, name)), name
    made = inspect.getsource(HttpToolsProtocol.__init__)
    for name in ("cycle", "headers", "pipeline", "transport", "flow", "timeout_keep_alive_task"):
        assert f"self.{name}: " in made or f"self.{name} = " in made, name
    assert "self.parser = httptools.HttpRequestParser(self)" in made
    assert "set_dangerous_leniencies(lenient_data_after_close=True)" in made
    assert "self.server_state.default_headers" in inspect.getsource(HttpToolsProtocol)
    assert "self.timeout_keep_alive_task = None" in inspect.getsource(
        HttpToolsProtocol._unset_keepalive_if_required
    )
    cycle = inspect.getsource(RequestResponseCycle.__init__)
    for name in (
        "disconnected",
        "message_event",
        "keep_alive",
        "response_started",
        "response_complete",
    ):
        assert f"self.{name} = " in cycle, name
    assert "self.url = " in inspect.getsource(HttpToolsProtocol.on_message_begin)
    received = inspect.getsource(HttpToolsProtocol.data_received)
    assert "self._unset_keepalive_if_required()" in received
    assert "self.parser.feed_data(data)" in received
