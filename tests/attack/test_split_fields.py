"""A field on two lines is one list for negotiation, caches and conditions."""

from __future__ import annotations

import re
import socket

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.types import Scope

from imagesvc.cache.memory import Entry, MemoryCache
from imagesvc.delivery.hot import HotPath
from imagesvc.delivery.negotiation import Accepted, negotiate
from imagesvc.model.formats import Format, Size
from imagesvc.model.ids import Digest, ImageId, VariantKey, new_id, utc_now
from imagesvc.model.images import Original, Variant
from imagesvc.syntax.appended import Appended
from imagesvc.syntax.header_fields import fields_by_name, joined_field
from tests.http.asking import RawAnswer, picture, read_raw
from tests.server import Server
from tests.waiting import PATIENCE

WORDS = ("image/webp", "image/avif", "image/", "webp", "avif", "*/*", ",", ";q=0.1", " ", "")
LINES = st.lists(st.lists(st.sampled_from(WORDS), max_size=4).map("".join), max_size=3)
HEADERS = [(b"etag", b'"e"'), (b"vary", b"Accept")]


def asked(lines: list[str]) -> Scope:
    """The scope of a request with these Accept lines."""
    fields = [(b"accept", line.encode()) for line in lines]
    return {
        "type": "http", "method": "GET", "path": "/images/a", "query_string": b"w=1",
        "headers": [(b"host", b"a"), *fields],
    }  # fmt: skip


def negotiated(scope: Scope) -> Format:
    """The format of the response when no response is remembered."""
    return negotiate(
        Accepted.of(joined_field(scope["headers"], b"accept")),
        Original(Digest("0" * 64), Format.JPEG, 40, 30, 1, False, 0),
        Size(40, 30),
        preferred=(Format.AVIF, Format.WEBP),
        max_avif_pixels=1_000_000,
    )


@example(first=["image/", "webp"], second=["image/webp"])
@given(first=LINES, second=LINES)
def test_a_remembered_answer_is_acceptable_for_all_its_requesters(
    first: list[str], second: list[str]
) -> None:
    """This holds for every split of the Accept fields into lines."""
    memory, now = MemoryCache(1 << 20), utc_now()
    hot = HotPath(lambda *_: None, memory, lambda *_: b"id", Appended())  # type: ignore[arg-type]
    variant = Variant(
        VariantKey("k" * 64), ImageId(new_id()), "w=1", Format.JPEG, 1, 1, 1, 0, now, now
    )
    entry = Entry(variant, b"a")
    memory.put(entry)
    hot.remember(asked(first), ImageId(new_id()), entry, HEADERS)

    assert hot.inline(asked(first), fields_by_name(asked(first)["headers"])) is not None
    if hot.inline(asked(second), fields_by_name(asked(second)["headers"])) is not None:
        assert negotiated(asked(first)) is negotiated(asked(second))


def answer_of(server: Server, url: str, *lines: str) -> RawAnswer:
    """The response to a GET with these fields, each as a separate line."""
    head = "\r\n".join([f"GET {url} HTTP/1.1", "Host: localhost", *lines, "", ""])
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
        connection.sendall(head.encode())
        answer = read_raw(connection)
    assert answer is not None
    return answer


@pytest.mark.parametrize(
    ("poison", "wanted"),
    [
        (("image/", "webp,*/*"), "image/webp,*/*"),
        (("image/webp;q=0.", "1, image/jpeg"), "image/webp;q=0.1, image/jpeg"),
        (("text/html", "image/webp"), "text/html, image/webp"),
    ],
)
def test_two_accept_lines_do_not_affect_the_format_of_others(
    server: Server, poison: tuple[str, ...], wanted: str
) -> None:
    """The request is repeated until its response is remembered."""
    image = server.upload(picture(len(wanted)))
    server.finished(image["job"]["id"])
    fresh, poisoned = (f"/images/{image['id']}?w={width}&format=auto" for width in (30, 31))
    expected = answer_of(server, fresh, f"Accept: {wanted}").all("content-type")
    for _ in range(4):
        answer_of(server, poisoned, *(f"Accept: {line}" for line in poison))

    assert answer_of(server, poisoned, f"Accept: {wanted}").all("content-type") == expected


def test_all_accept_lines_are_negotiated(server: Server) -> None:
    """The second line names the format; remembered or not."""
    image = server.upload(picture(7))
    server.finished(image["job"]["id"])
    for _ in range(4):
        answer = answer_of(
            server, f"/images/{image['id']}?w=32&format=auto", "Accept: text/html",
            "Accept: image/webp",
        )  # fmt: skip

        assert answer.all("content-type") == ["image/webp"]


def test_two_ranges_are_no_range(server: Server) -> None:
    """Two caches might each use another line."""
    image = server.upload(picture(8))
    server.finished(image["job"]["id"])
    url = f"/images/{image['id']}"
    etag = answer_of(server, url).all("etag")[0]

    assert answer_of(server, url, "Range: bytes=0-1").status == 206
    assert answer_of(server, url, "Range: bytes=0-1", "Range: bytes=2-3").status == 200
    condition = "Range: bytes=0-1", f"If-Range: {etag}"
    assert answer_of(server, url, *condition).status == 206
    assert answer_of(server, url, *condition, 'If-Range: "x"').status == 200


def test_every_line_of_if_none_match_counts(server: Server) -> None:
    """Documents follow the same rule."""
    for url in ("/api/v1/openapi.json", "/api/v1/docs"):
        etag = answer_of(server, url).all("etag")[0]

        found = answer_of(server, url, 'If-None-Match: "x"', f"If-None-Match: {etag}")

        assert found.status == 304


def test_every_line_of_origin_counts(server: Server) -> None:
    """The Origin of another site is not hidden behind a first line with our own."""
    own, other = "Origin: http://localhost", "Origin: https://evil.test"
    sites = "Sec-Fetch-Site: none", "Sec-Fetch-Site: cross-site"
    for lines in ((own, other), (other, own), sites):
        head = "\r\n".join(["DELETE /api/v1/images/x HTTP/1.1", "Host: localhost", *lines, "", ""])
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as connection:
            connection.sendall(head.encode())
            answer = read_raw(connection)
        assert answer is not None
        assert re.search(rb'"code":"forbidden"', answer.body)


@pytest.mark.parametrize(
    "lines",
    [
        ("Content-Type: application/json", "Content-Type: multipart/form-data; boundary=b"),
        ("Content-Type: application/json", "Content-Type: application/json"),
        ("Last-Event-ID: 1", "Last-Event-ID: 2"),
        ("Authorization: Bearer a", "Authorization: Bearer b"),
        ('Idempotency-Key: "a"', 'Idempotency-Key: "b"'),
    ],
)
def test_a_singleton_field_is_refused_when_repeated(server: Server, lines: tuple[str, str]) -> None:
    """A gateway in front may have used the other line (RFC 9110, section 5.3)."""
    answer = answer_of(server, "/api/v1/images", *lines)

    assert answer.status == 400
    name = lines[0].partition(":")[0]
    assert f"more than one {name} field" in answer.body.decode()
