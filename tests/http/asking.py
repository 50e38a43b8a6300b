"""Pictures to upload, raw requests that no HTTP client would send, and a check of errors."""

from __future__ import annotations

import contextlib
import functools
import io
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
from PIL import Image

from tests.server import Server
from tests.waiting import PATIENCE, PAUSE, until

BOUNDARY = "a-boundary"
CHUNK = b"10000\r\n" + bytes(0x10000) + b"\r\n"
"""Of a body: so large that the buffers between the processes are soon full."""
TEXT = b"Dear diary, this is no picture at all.\n" * 40


@functools.cache
def picture(seed: int = 0, size: tuple[int, int] = (640, 400), kind: str = "JPEG") -> bytes:
    """A small picture; each seed makes other bytes."""
    across, rings = _gradients(size)
    colours = Image.new("L", size, seed % 256)
    out = io.BytesIO()
    Image.merge("RGB", (across, rings, colours)).save(out, kind, comment=str(seed).encode())
    return out.getvalue()


@functools.cache
def _gradients(size: tuple[int, int]) -> tuple[Image.Image, Image.Image]:
    return Image.linear_gradient("L").resize(size), Image.radial_gradient("L").resize(size)


def in_time(
    request: Callable[[datetime], httpx2.Response],
) -> tuple[datetime, httpx2.Response]:
    """Send a request with a time soon after now, and a later one if it came too late with it.

    Returns the time and the response.
    """
    delay = timedelta(seconds=0.5)
    while True:
        soon = datetime.now(UTC) + delay
        answer = request(soon)
        if answer.is_success:
            return soon, answer
        assert_problem(answer, 400, "invalid_request")
        delay *= 2


def noise(size: tuple[int, int], kind: str = "JPEG") -> bytes:
    """A picture that compresses badly, so that its variants are large or slow."""
    out = io.BytesIO()
    Image.effect_noise(size, 90).convert("RGB").save(out, kind)
    return out.getvalue()


def damaged(seed: int = 0) -> bytes:
    """A WebP with a valid header, whose pixels cannot be decoded."""
    whole = picture(seed, (300, 200), "WEBP")
    half = len(whole) // 2
    return whole[:half] + b"\xff" * (len(whole) - half)


def assert_problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """Check an error's whole form (RFC 9457), and that no cache may keep it.

    Returns its document.
    """
    assert answer.status_code == status, answer.text
    document: dict[str, Any] = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "etag" not in answer.headers
    assert document["type"] == f"/problems/{code}"
    assert document["code"] == code
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    assert set(document) <= {"type", "title", "status", "detail", "code", "errors"}
    for fault in document.get("errors", ()):
        assert set(fault) == {"loc", "msg"}
    return document


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """A raw response."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        """The values of every header field with this name."""
        return [value for key, value in self.headers if key == name]


def connected(server: Server) -> socket.socket:
    """A connection to the server."""
    return socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE)


def send_raw(server: Server, request: bytes) -> RawAnswer | None:
    """Send bytes unchanged; returns the first response, or None if the server disconnects."""
    with connected(server) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
        return read_raw(connection)


def read_raw(connection: socket.socket) -> RawAnswer | None:
    """The next response on a connection, or None if the server disconnects."""
    received = b""
    while True:
        answer = _parsed(received)
        if answer is not None:
            return answer
        try:
            piece = connection.recv(65536)
        except ConnectionResetError:
            return None
        if not piece:
            return None
        received += piece


def ends_while_it_is_sent(connection: socket.socket, piece: bytes, pause: float = PAUSE) -> bool:
    """Send a piece repeatedly; returns whether the server closes the connection."""
    deadline = time.monotonic() + PATIENCE
    try:
        while time.monotonic() < deadline:
            connection.sendall(piece)
            time.sleep(pause)
    except ConnectionError:
        return True
    return False


def _parsed(received: bytes) -> RawAnswer | None:
    head, end, rest = received.partition(b"\r\n\r\n")
    if not end:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = [(name.lower(), value) for name, _, value in (line.partition(": ") for line in lines)]
    length = next((int(value) for name, value in headers if name == "content-length"), 0)
    status = int(first.split()[1])
    return RawAnswer(status, headers, rest) if len(rest) >= length else None


def multipart(*parts: bytes, end: bytes = b"--") -> bytes:
    """A multipart body of parts with their own headers, which may be malformed."""
    marker = b"--" + BOUNDARY.encode()
    return b"".join(marker + b"\r\n" + part + b"\r\n" for part in parts) + marker + end + b"\r\n"


def file_part(content: bytes, disposition: bytes = b'name="file"; filename="a.jpg"') -> bytes:
    """A file's part with the parameters of its Content-Disposition as given."""
    return (
        b"Content-Disposition: form-data; " + disposition
        + b"\r\nContent-Type: image/jpeg\r\n\r\n" + content
    )  # fmt: skip


def post_multipart(server: Server, body: bytes, boundary: str = BOUNDARY) -> httpx2.Response:
    """Upload a multipart body made by hand."""
    content_type = f"multipart/form-data; boundary={boundary}"
    return server.client.post(
        "/api/v1/images", content=body, headers={"content-type": content_type}
    )


def images_count(server: Server) -> int:
    """The number of images that are not in the trash, of a server without accounts."""
    total: int = server.client.get("/api/v1/timeline").json()["total"]
    return total


def orphans(server: Server) -> list[str]:
    """The files of unfinished uploads in `tmp/`; none shortly after their end."""
    until(lambda: not _in_flight(server))
    return _in_flight(server)


def _in_flight(server: Server) -> list[str]:
    return [path.name for path in (server.data_dir / "tmp").iterdir()]
