"""Uploads of clients with default settings, and the messages that their users read."""

from __future__ import annotations

import gzip
from typing import Any

import httpx2
import pytest

from tests.breadth import represented
from tests.http.asking import (
    assert_problem,
    file_part,
    images_count,
    multipart,
    picture,
    post_multipart,
    send_raw,
)
from tests.http.test_forms import field_part
from tests.server import Server

pytestmark = pytest.mark.joint

JSON = {"content-type": "application/json"}
URLENCODED = {"content-type": "application/x-www-form-urlencoded"}


def upload_url(server: Server) -> str:
    """A URL that takes a file."""
    url: str = server.client.get("/api/v1/images/actions/upload-url").json()["url"]
    return url


@pytest.mark.parametrize(
    "kind",
    represented(["JPEG", "PNG", "GIF", "WEBP", "AVIF", "TIFF", "BMP"], "JPEG", "PNG", "AVIF"),
)
def test_a_file_that_is_called_json_is_a_file(server: Server, kind: str) -> None:
    """Httpie declares every file from its standard input as JSON."""
    content = picture(71, kind=kind)

    for body in (content, iter([content[:1], content[1:]])):
        answer = server.client.post("/images", content=body, headers=JSON)

        assert answer.status_code == 201, answer.text
        assert answer.json()["bytes"] == len(content)


@pytest.mark.parametrize("body", [b"", b"{}", b' {"url": "a"}', b"\xef\xbb\xbf{}", b"[]", b"null"])
def test_json_is_not_a_file(server: Server, body: bytes) -> None:
    """It is a request for an import."""
    answer = server.client.post("/images", content=body, headers=JSON)

    assert_problem(answer, 403, "forbidden")


@pytest.mark.parametrize(("kind", "status"), [("JPEG", 422), ("PNG", 415)])
def test_a_file_whose_line_ends_were_removed_is_explained(
    server: Server, kind: str, status: int
) -> None:
    """`curl -d @file` removes them, and NUL bytes."""
    content = picture(72, kind=kind).translate(None, b"\r\n\0")
    answers = [
        server.client.post("/images", content=content, headers=URLENCODED),
        server.client.put(upload_url(server), content=content, headers=URLENCODED),
    ]

    for answer in answers:
        assert answer.status_code == status, answer.text
        assert "--data-binary" in answer.json()["detail"]


def test_a_form_for_an_upload_url_is_explained(server: Server) -> None:
    """`curl -X PUT -F file=@a.jpg`: the URL accepts only the file itself."""
    files = {"file": ("a.jpg", picture(73))}

    answer = server.client.put(upload_url(server), files=files)

    assert "not a form" in assert_problem(answer, 415, "unsupported_media_type")["detail"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("dztotalchunkcount", "3"),
        ("qqtotalparts", "3"),
        ("resumableTotalChunks", "2"),
        ("flowTotalChunks", "2"),
        ("chunks", "12"),
    ],
)
def test_a_piece_of_a_file_is_refused(server: Server, name: str, value: str) -> None:
    """Otherwise the first piece would look like a damaged image, and the next like no image."""
    parts = file_part(picture(74)[:9000]), field_part(name, value.encode())
    images = images_count(server)

    for body in (multipart(*parts), multipart(*reversed(parts))):
        document = assert_problem(post_multipart(server, body), 400, "invalid_request")

        assert name in document["detail"]
        assert "whole" in document["detail"]
    assert images_count(server) == images


@pytest.mark.parametrize("name", ["dztotalchunkcount", "chunks", "chunk"])
@pytest.mark.parametrize("value", ["1", "", "?"])
def test_a_file_in_one_piece_is_accepted(server: Server, name: str, value: str) -> None:
    """Widgets that split larger files send the same fields for small ones."""
    body = multipart(field_part(name, value.encode()), file_part(picture(75)))

    assert post_multipart(server, body).status_code == 201


def test_a_range_of_a_file_is_refused(server: Server) -> None:
    """RFC 9110, section 14.5; `curl -C 100 -T file` sends one, and so do widgets."""
    content, headers = picture(76), {"content-range": "bytes 100-299/300"}
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("POST", "/images", {"content": content}),
        ("POST", "/images", {"files": {"file": ("a.jpg", content)}}),
        ("PUT", upload_url(server), {"content": content}),
    ]

    for method, url, body in calls:
        answer: httpx2.Response = server.client.request(method, url, headers=headers, **body)

        assert "Content-Range" in assert_problem(answer, 400, "invalid_request")["detail"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("PUT", "/images", "OPTIONS, POST"), ("PROPFIND", "/images/a", "GET, HEAD, OPTIONS")],
)
def test_the_methods_of_a_url_are_named(
    server: Server, method: str, path: str, allowed: str
) -> None:
    """`curl -T` sends PUT, file managers PROPFIND; people see only the body."""
    answer = server.client.request(method, path)

    detail = assert_problem(answer, 405, "method_not_allowed")["detail"]
    assert answer.headers["allow"] == allowed
    assert detail == f"This URL accepts {allowed}, not {method}."


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"FOO / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"hello\r\n\r\n",
    ],
    ids=["HTTP/2", "TLS", "method", "text"],
)
def test_another_protocol_gets_an_explanation(server: Server, request_bytes: bytes) -> None:
    """Examples are https:// for http://, and HTTP/2 with prior knowledge."""
    answer = send_raw(server, request_bytes)

    assert answer is not None
    assert answer.status == 400
    assert b"HTTP/1.1 without TLS" in answer.body


@pytest.mark.parametrize("media_type", ["application/json", "image/jpeg", "text/plain", None])
def test_a_form_that_is_called_otherwise_is_explained(
    server: Server, media_type: str | None
) -> None:
    """Programs set the Content-Type of a form by hand, or for all their requests."""
    headers = {} if media_type is None else {"content-type": media_type}
    body = multipart(file_part(picture(77)))

    answer = server.client.post("/images", content=body, headers=headers)

    document = assert_problem(answer, 415, "unsupported_media_type")
    assert "multipart/form-data" in document["detail"]


@pytest.mark.parametrize("path", ["/images", "/api/v1/collections"])
def test_a_compressed_request_is_refused_as_such(server: Server, path: str) -> None:
    """Some clients compress what they send (RFC 9110, section 15.5.16)."""
    headers = {**JSON, "content-encoding": "gzip"}

    answer = server.client.post(path, content=gzip.compress(b'{"title": "a"}'), headers=headers)

    document = assert_problem(answer, 415, "unsupported_media_type")
    assert "Content-Encoding" in document["detail"]
