"""Only the declared body determines where a request ends, regardless of how its bytes are split."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.breadth import represented
from tests.http.asking import BOUNDARY, file_part, multipart, picture
from tests.server import Server
from tests.waiting import PATIENCE

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\nX-Padding: "
LAST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
OFFERS = {
    "none": b"",
    "unknown": b"Connection: Upgrade\r\nUpgrade: foo\r\n",
    "websocket": (
        b"Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    ),
    "h2c": (
        b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
        b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n"
    ),
    "two": b"Upgrade: foo\r\nConnection: close\r\nConnection: upgrade\r\nUpgrade: h2c\r\n",
}
KEPT_ALIVE = tuple(name for name, offer in OFFERS.items() if b"close" not in offer)


@pytest.fixture(scope="module")
def hot(server: Server) -> str:
    """The URL of a variant that is answered from memory without a task."""
    image = server.upload(picture(1))
    server.finished(image["job"]["id"])
    url = f"/images/{image['id']}?w=20"
    for _ in range(3):
        assert server.client.get(url).status_code == 200
    return url


def statuses(server: Server, *pieces: bytes, pause: float = 0.02) -> list[int]:
    """Send pieces that arrive separately; returns the status of every response."""
    received = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number, piece in enumerate(pieces):
            if number:
                time.sleep(pause)
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(piece)
        with contextlib.suppress(ConnectionResetError):
            while piece := connection.recv(1 << 18):
                received += piece
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


def request(target: str, offer: bytes, body: bytes, *, chunked: bool) -> bytes:
    """A request with a body that looks like another request."""
    head = f"GET {target} HTTP/1.1\r\nHost: localhost\r\n".encode() + offer
    if not chunked:
        return head + b"Content-Length: %d\r\n\r\n" % len(body) + body
    return head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("is_hot", [False, True], ids=["task", "hot"])
@pytest.mark.parametrize("offer", represented(KEPT_ALIVE, "none", "h2c"))
def test_a_body_is_a_body_wherever_it_is_cut(
    server: Server, hot: str, offer: str, is_hot: bool, chunked: bool
) -> None:
    """Two reads for one request: the second begins at every byte from the end of the head on."""
    target, expected = (hot, 200) if is_hot else ("/no-such", 404)
    sent = request(target, OFFERS[offer], SMUGGLED, chunked=chunked)
    cuts = range(sent.index(b"\r\n\r\n"), len(sent) + 1)
    with ThreadPoolExecutor(8) as executor:
        found = list(
            executor.map(lambda cut: statuses(server, sent[:cut], sent[cut:] + LAST), cuts)
        )

    assert found == [[expected, 200]] * len(cuts)


@pytest.mark.parametrize("offer", KEPT_ALIVE)
def test_a_head_may_be_cut_anywhere(server: Server, offer: str) -> None:
    """This also holds within the fields that offer an upgrade."""
    sent = request("/no-such", OFFERS[offer], SMUGGLED, chunked=False)
    cuts = range(1, sent.index(b"\r\n\r\n"), 3)
    with ThreadPoolExecutor(8) as executor:
        found = list(
            executor.map(lambda cut: statuses(server, sent[:cut], sent[cut:] + LAST), cuts)
        )

    assert found == [[404, 200]] * len(cuts)


@pytest.mark.parametrize("padding", [0, 1 << 16, 250_000, 256_000, 600_000])
@pytest.mark.parametrize("offer", KEPT_ALIVE)
def test_padding_does_not_make_a_request_of_a_body(
    server: Server, offer: str, padding: int
) -> None:
    """The parser skips line ends before a request, so an attacker can use them as padding."""
    body = b"\r\n" * (padding // 2) + SMUGGLED
    sent = request("/no-such", OFFERS[offer], body, chunked=False)

    assert statuses(server, sent, LAST) == [404, 200]
    assert statuses(server, sent + LAST) == [404, 200]


def test_a_pipeline_of_offers_is_answered_in_order(server: Server, hot: str) -> None:
    """Each request ends as declared, also when all of them arrive in one read."""
    offers = [OFFERS[name] for name in KEPT_ALIVE] * 30
    sent = [
        request(target, offer, SMUGGLED, chunked=chunked)
        for offer in offers
        for target, chunked in (("/no-such", True), (hot, False), ("/no-such", False))
    ]

    assert statuses(server, b"".join(sent) + LAST) == [404, 200, 404] * len(offers) + [200]


def test_nothing_after_a_close_is_answered(server: Server) -> None:
    """The client has declared that it sends no more requests, with an offer or without."""
    sent = request("/no-such", OFFERS["two"], SMUGGLED, chunked=False)

    assert statuses(server, sent + LAST) == [404]
    assert statuses(server, sent[:-5], sent[-5:] + LAST) == [404]


@pytest.mark.parametrize(
    "start",
    [
        b"CONNECT a:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT a:80 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nabcde",
        b"CONNECT http://a/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"PRI * HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/0.9\r\nHost: localhost\r\n\r\n",
        b"POST / HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET /\r\n\r\n",
    ],
)
def test_another_protocol_is_refused_and_the_connection_ends(server: Server, start: bytes) -> None:
    """The bytes that follow belong to no request."""
    assert statuses(server, start, LAST) == [400]
    assert statuses(server, start + LAST) == [400]


CHUNKED = b"Transfer-Encoding: chunked\r\n"
AMBIGUOUS = {
    "length and chunked": b"Content-Length: 5\r\n" + CHUNKED,
    "chunked and length": CHUNKED + b"Content-Length: 5\r\n",
    "two lengths": b"Content-Length: 5\r\nContent-Length: 6\r\n",
    "one length twice": b"Content-Length: 5\r\nContent-Length: 5\r\n",
    "list of lengths": b"Content-Length: 5, 5\r\n",
    "plus": b"Content-Length: +5\r\n",
    "minus": b"Content-Length: -5\r\n",
    "hexadecimal": b"Content-Length: 0x5\r\n",
    "no number": b"Content-Length: \r\n",
    "overflow": b"Content-Length: 18446744073709551621\r\n",
    "gzip": b"Transfer-Encoding: gzip\r\n",
    "identity": b"Transfer-Encoding: identity\r\n",
    "chunked is not last": b"Transfer-Encoding: chunked, identity\r\n",
    "chunked is not last, two fields": CHUNKED + b"Transfer-Encoding: identity\r\n",
    "chunked twice": b"Transfer-Encoding: chunked, chunked\r\n",
    "gzip before chunked": b"Transfer-Encoding: gzip, chunked\r\n",
    "almost chunked": b"Transfer-Encoding: xchunked\r\n",
    "vertical tab": b"Transfer-Encoding: \x0bchunked\r\n",
    "quoted": b'Transfer-Encoding: "chunked"\r\n',
    "space before colon": b"Content-Length : 5\r\n",
    "tab before colon": b"Transfer-Encoding\t: chunked\r\n",
    "folded length": b"Content-Length:\r\n 5\r\n",
    "folded coding": b"Transfer-Encoding:\r\n chunked\r\n",
    "folded field": b"X-A: b\r\n Content-Length: 5\r\n",
    "folded first line": b" X-A: b\r\n",
    "bare line feed": b"X-A: b\nContent-Length: 5\r\n",
    "bare carriage return": b"X-A: b\rContent-Length: 5\r\n",
    "NUL": b"X-A: \x00\r\n",
    "no name": b": b\r\n",
    "no colon": b"Content-Length\r\n",
}


@pytest.mark.parametrize("fields", AMBIGUOUS.values(), ids=AMBIGUOUS)
@pytest.mark.parametrize("offer", KEPT_ALIVE)
def test_framing_that_two_servers_may_read_differently_is_refused(
    server: Server, offer: str, fields: bytes
) -> None:
    """There is one response, and then the connection is closed."""
    head = b"POST /no-such HTTP/1.1\r\nHost: localhost\r\n"

    assert statuses(server, head + OFFERS[offer] + fields + b"\r\n", b"0\r\n\r\n" + LAST) == [400]
    assert statuses(server, head + fields + OFFERS[offer] + b"\r\n" + b"0\r\n\r\n" + LAST) == [400]


BAD_CHUNKS = {
    "bare line feed after size": b"5\nabcde\r\n0\r\n\r\n",
    "bare line feed after data": b"5\r\nabcde\n0\r\n\r\n",
    "bare line feed in extension": b"5;a=\n\r\nabcde\r\n0\r\n\r\n",
    "bare carriage return in extension": b"5;a=\rb\r\nabcde\r\n0\r\n\r\n",
    "space after size": b"5 \r\nabcde\r\n0\r\n\r\n",
    "hexadecimal prefix": b"0x5\r\nabcde\r\n0\r\n\r\n",
    "minus": b"-5\r\nabcde\r\n0\r\n\r\n",
    "plus": b"+5\r\nabcde\r\n0\r\n\r\n",
    "underscore": b"1_0\r\nabcdeabcdeabcdea\r\n0\r\n\r\n",
    "overflow": b"10000000000000005\r\nabcde\r\n0\r\n\r\n",
    "too short": b"4\r\nabcde\r\n0\r\n\r\n",
    "no end": b"5\r\nabcdeX\r\n0\r\n\r\n",
    "no size": b"\r\nabcde\r\n0\r\n\r\n",
    "folded trailer": b"5\r\nabcde\r\n0\r\nX-A: b\r\n c\r\n\r\n",
}


@pytest.mark.parametrize("chunks", BAD_CHUNKS.values(), ids=BAD_CHUNKS)
@pytest.mark.parametrize("offer", KEPT_ALIVE)
def test_odd_chunks_end_the_connection(server: Server, offer: str, chunks: bytes) -> None:
    """At most the request itself is answered, and nothing after the malformed chunk."""
    head = b"POST /no-such HTTP/1.1\r\nHost: localhost\r\n" + OFFERS[offer] + CHUNKED + b"\r\n"

    for found in (
        statuses(server, head + chunks + LAST),
        statuses(server, head, chunks + LAST),
    ):
        assert found in ([400], [404], [404, 400])


def test_an_upload_that_offers_http2_is_accepted(server: Server) -> None:
    """It is an ordinary upload, with its body in later reads than its head."""
    body = multipart(file_part(picture(11)))
    head = b"".join(
        [
            b"POST /api/v1/images HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n",
            OFFERS["h2c"],
            b"Content-Type: multipart/form-data; boundary=%b\r\n" % BOUNDARY.encode(),
            b"Content-Length: %d\r\n\r\n" % len(body),
        ]
    )

    assert statuses(server, head, body[:700], body[700:]) == [201]


def test_curl_uploads_with_an_offer_of_http2(server: Server, tmp_path: Path) -> None:
    """`curl --http2` offers h2c with its first request."""
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("curl is not installed: apt-get install curl")
    path = tmp_path / "a.jpg"
    path.write_bytes(picture(12, (2000, 1500)))
    url = f"http://127.0.0.1:{server.port}/api/v1/images"
    done = subprocess.run(
        [curl, "--silent", "--http2", "--form", f"file=@{path}", "--write-out", "%{http_code}",
         "--output", tmp_path / "answer", url],
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stdout) == (0, "201"), done.stderr


def test_offers_without_a_body_are_ordinary_requests(server: Server) -> None:
    """They are answered, and the connection is kept."""
    start = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
    sent = [start + OFFERS[name] + b"\r\n" for name in KEPT_ALIVE]

    assert statuses(server, *sent, LAST) == [200] * (len(sent) + 1)
