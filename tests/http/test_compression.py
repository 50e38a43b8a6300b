"""Responses that are compressed on request."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from tests.http.asking import assert_problem, picture, send_raw
from tests.server import Server

pytestmark = pytest.mark.joint

LIST = "/api/v1/images?limit=200"


@pytest.fixture(scope="module")
def image(server: Server) -> dict[str, Any]:
    """One of many images, so that a list is large enough; their jobs have ended."""
    images = [server.upload(picture(seed)) for seed in range(4)]
    for image in images:
        server.finished(image["job"]["id"])
    return images[-1]


def ask(
    server: Server, path: str, accept: str, method: str = "GET"
) -> tuple[dict[str, str], bytes]:
    """Header fields and body of the raw response."""
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: {accept}\r\n\r\n"
    answer = send_raw(server, head.encode())
    assert answer is not None
    return dict(answer.headers), answer.body


@pytest.mark.parametrize("accept", ["gzip", "br, GZIP;q=0.5", "*", "gzip, deflate, br, zstd"])
def test_a_list_is_compressed(server: Server, image: dict[str, Any], accept: str) -> None:
    """The document is the same."""
    plain, document = ask(server, LIST, "identity")

    fields, body = ask(server, LIST, accept)

    assert gzip.decompress(body) == document
    assert len(body) < len(document) / 2
    assert fields["content-encoding"] == "gzip"
    assert int(fields["content-length"]) == len(body)
    assert fields["vary"] == plain["vary"] == "Accept-Encoding"
    assert "content-encoding" not in plain


@pytest.mark.parametrize("accept", ["", "br", "gzip;q=0", "*;q=0", "identity, gzip;q=0.000"])
def test_clients_that_do_not_accept_gzip_get_none(
    server: Server, image: dict[str, Any], accept: str
) -> None:
    """Caches distinguish the responses."""
    fields, _body = ask(server, LIST, accept)

    assert "content-encoding" not in fields
    assert fields["vary"] == "Accept-Encoding"


def test_pictures_short_answers_and_streams_are_not_compressed(
    server: Server, image: dict[str, Any]
) -> None:
    """Pictures are compressed already."""
    for path in (image["urls"]["original"], image["urls"]["thumbnail"], "/healthz", "/no-such"):
        fields, _body = ask(server, path, "gzip")
        assert "content-encoding" not in fields
        assert "Accept-Encoding" not in fields.get("vary", "")


def test_answers_to_changes_are_not_compressed(server: Server) -> None:
    """They contain tokens and keys next to data of the client."""
    names = [f"tag{number}" for number in range(90)]
    fields = {"accept-encoding": "gzip"}

    made = server.client.post(f"/images?tags={','.join(names)}", content=picture(9), headers=fields)

    assert len(made.content) > 1024
    assert "content-encoding" not in made.headers


def test_the_version_of_an_image_is_the_same_compressed(server: Server) -> None:
    """`If-Match` accepts it unchanged."""
    image = server.upload(picture(10), description="x" * 3000)
    path = f"/api/v1/images/{image['id']}"

    shown = server.client.get(path, headers={"accept-encoding": "gzip"})
    matched = {"if-match": shown.headers["etag"]}

    assert shown.headers["content-encoding"] == "gzip"
    assert server.client.patch(path, json={"title": "T"}, headers=matched).status_code == 200


def test_the_document_and_errors_are_compressed_as_well(server: Server) -> None:
    """All large responses to reads are compressed."""
    answer = server.client.get("/api/v1/openapi.json", headers={"accept-encoding": "gzip"})
    failed = server.client.get(f"/api/v1/images?q={'(' * 40}{'x ' * 300}")

    assert answer.headers["content-encoding"] == "gzip"
    assert answer.json()["openapi"].startswith("3.1")
    assert_problem(failed, 400, "invalid_query")
