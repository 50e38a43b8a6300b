"""Header fields made of thousands of separators: reading them does not stop the event loop."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import anyio
import pytest
from starlette.requests import Request

from imagesvc.auth.csrf import is_loopback_netloc
from imagesvc.errors import ImagesvcError
from imagesvc.http.bodies.content_type import ContentType
from imagesvc.http.bodies.dispositions import read_disposition
from imagesvc.http.bodies.multipart import PartBegins, multipart_events
from imagesvc.http.conditional import check_if_match, etag_matches, requested_range
from imagesvc.http.idempotency import KEY
from imagesvc.http.versions import expected_versions
from imagesvc.server.middleware.forwarded import MAX_HOPS, hops
from imagesvc.server.request_heads import MAX_PARAMETERS
from imagesvc.syntax.header_fields import MAX_MEMBERS, weights_of
from tests.http.asking import assert_problem
from tests.server import Server

LENGTH = 1 << 20
"""Sixteen times the limit of a request's header."""
CPU_SECONDS = 0.6
"""For one field of this length; 40 ms for one within the limit of a request."""
PATTERNS = (
    ";", ",", " ", "a", '"', "\\", '\\"', "=", "/", ":", "0", "a;", "a,", "a=;", ';a="', 'a="\\',
    '"a",', "%41", "%22", ".", "[", "=?utf-8?q?a?= ", "utf-8''",
)  # fmt: skip
OF_A_PART = (
    "form-data",
    "form-data; name=",
    'form-data; filename="',
    "form-data; filename*=utf-8''",
)


def request_with(name: str, value: str) -> Request:
    """A request with one field."""
    field = name.encode(), value.encode("latin-1")
    return Request({"type": "http", "method": "POST", "path": "/", "headers": [field]})


Reader = Callable[[str], object]
READERS: dict[str, tuple[Reader, tuple[str, ...]]] = {
    "content-type": (
        lambda value: ContentType.of(request_with("content-type", value)),
        ("", "multipart/form-data; boundary="),
    ),
    "disposition": (lambda value: read_disposition(value.encode("latin-1")), OF_A_PART),
    "accept": (weights_of, ("", "a;q")),
    "if-none-match": (lambda value: etag_matches(value, '"etag"'), ("",)),
    "if-match": (lambda value: check_if_match(value, '"etag"'), ("",)),
    "version": (lambda value: expected_versions(request_with("if-match", value)), ("",)),
    "range": (lambda value: requested_range(value, None, '"etag"', 10), ("", "bytes=")),
    "forwarded": (lambda value: hops({b"forwarded": value.encode()}), ("", "for=")),
    "x-forwarded-for": (lambda value: hops({b"x-forwarded-for": value.encode()}), ("",)),
    "idempotency-key": (KEY.fullmatch, ("",)),
    "origin": (is_loopback_netloc, ("",)),
}


@pytest.mark.parametrize(("reader", "prefixes"), READERS.values(), ids=READERS.keys())
def test_no_field_takes_long(reader: Reader, prefixes: tuple[str, ...]) -> None:
    """Fields are read on the event loop, where each second blocks every other request."""
    for prefix in prefixes:
        for pattern in PATTERNS:
            value = prefix + pattern * (LENGTH // len(pattern))
            began = time.process_time()

            with contextlib.suppress(ImagesvcError):
                reader(value)

            assert time.process_time() - began < CPU_SECONDS, (prefix, pattern)


def test_members_of_a_list_beyond_the_bound_are_not_read() -> None:
    """A list, or the parameters of its members, costs no more than the limit."""
    many = ", ".join(f'"{number}"' for number in range(1, MAX_MEMBERS + 2))
    first, last = '"1"', f'"{MAX_MEMBERS + 1}"'

    assert etag_matches(many, first)
    assert not etag_matches(many, last)
    found = expected_versions(request_with("if-match", many))
    assert found == frozenset(range(1, MAX_MEMBERS + 1))
    assert "image/last" not in weights_of("image/png, " * MAX_MEMBERS + "image/last")
    assert weights_of("image/png" + ";a=b" * MAX_MEMBERS + ";q=0.5") == {"image/png": 1.0}
    (hop,) = hops({b"forwarded": b"a=b;" * MAX_MEMBERS + b"for=10.0.0.1"})
    assert hop.address is None
    assert len(hops({b"x-forwarded-for": b"10.0.0.1," * 99 + b"10.0.0.1"})) == MAX_HOPS


async def in_pieces(body: bytes) -> AsyncIterator[bytes]:
    """A body as a server receives it."""
    for start in range(0, len(body), 1 << 16):
        yield body[start : start + (1 << 16)]


def test_the_header_of_a_part_takes_little_time() -> None:
    """A form may have a thousand parts, each with a header of 8 KiB."""
    header = b'Content-Disposition: form-data; name="a"' + b";" * 8000
    body = (b"--limit\r\n" + header + b"\r\n\r\nx\r\n") * 1000 + b"--limit--\r\n"

    async def parts() -> int:
        events = multipart_events(in_pieces(body), b"limit")
        return len([event async for event in events if isinstance(event, PartBegins)])

    began = time.process_time()

    assert anyio.run(parts) == 1000
    assert time.process_time() - began < 2.0


def test_a_preamble_in_small_pieces_is_searched_once() -> None:
    """Bytes before the first boundary are not searched again with each byte that follows."""
    preamble = b"\r\n--limi" * 8000

    async def part() -> object:
        pieces = (bytes([byte]) for byte in preamble)

        async def body() -> AsyncIterator[bytes]:
            for piece in pieces:
                yield piece
            yield b'\r\n--limit\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
            yield b"x\r\n--limit--\r\n"

        events = [event async for event in multipart_events(body(), b"limit")]
        return events[0]

    began = time.process_time()

    assert anyio.run(part) == PartBegins("a", None)
    assert time.process_time() - began < 2.0


def cpu_of(server: Server) -> float:
    """Seconds of processor time that the server process has used."""
    fields = Path(f"/proc/{server.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.fixture(scope="module")
def unlimited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a high rate limit for one address."""
    shared = Server(tmp_path_factory.mktemp("fields") / "data", rate_limits="off").start()
    yield shared
    shared.close()


def test_strangers_take_no_processor_time_with_a_content_type(unlimited: Server) -> None:
    """Forty logins, each with a Content-Type of 60,000 semicolons."""
    began = cpu_of(unlimited)

    for _ in range(40):
        answer = unlimited.client.post(
            "/api/v1/auth/token",
            content=b"{}",
            headers={"content-type": f"application/json{';' * 60_000}"},
        )
        assert answer.status_code == 400

    assert cpu_of(unlimited) - began < 40 * 0.05


def test_a_query_of_very_many_parameters_is_refused(unlimited: Server) -> None:
    """Parsing one would take the event loop longer than the rest of the request."""
    answer = unlimited.client.get(f"/api/v1/images?{'a&' * MAX_PARAMETERS}")

    assert_problem(answer, 400, "invalid_request")
    assert unlimited.client.get(f"/healthz?{'a&' * (MAX_PARAMETERS - 1)}").status_code == 200
