"""Imports by URL over HTTP: like an upload on success, and without data after a failure."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests import databases
from tests.http.asking import TEXT, assert_problem, noise, orphans, picture
from tests.remote import Answer, Remote, answered, dripping, endless, redirected, silent
from tests.server import Server
from tests.waiting import PATIENCE

pytestmark = pytest.mark.joint

PLACES = [
    "/images", "/api/v1/images", "/api/v1/images/actions/upload", "/api/v1/images/actions/import",
]  # fmt: skip


@pytest.fixture(scope="module")
def remote() -> Iterator[Remote]:
    """The source of imported images."""
    remote = Remote()
    yield remote
    remote.close()


@pytest.fixture(scope="module")
def inside(remote: Remote) -> Iterator[Remote]:
    """A server at the same port of an address that is not allowed."""
    inside = Remote("127.0.0.2", remote.port)
    inside.url("/a.jpg", answered(picture(99)))
    yield inside
    inside.close()


@pytest.fixture(scope="module")
def closed_port() -> Iterator[int]:
    """A port on which no server listens."""
    with socket.socket() as reservation:  # which does not listen
        reservation.bind(("127.0.0.1", 0))
        yield reservation.getsockname()[1]


@pytest.fixture(scope="module")
def importing(
    remote: Remote, closed_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """A server that imports from one local address in addition to public ones."""
    server = importer(tmp_path_factory, remote.port, closed_port, PATIENCE)
    yield server.start()
    server.close()


@pytest.fixture(scope="module")
def hasty(remote: Remote, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The same with a short time-out."""
    server = importer(tmp_path_factory, remote.port, remote.port, 0.5)
    yield server.start()
    server.close()


def importer(factory: pytest.TempPathFactory, port: int, other_port: int, seconds: float) -> Server:
    """A server that may import from two ports of 127.0.0.1."""
    return Server(
        factory.mktemp("importing") / "data",
        allow_url_import="true",
        url_import_ports=json.dumps([port, other_port]),
        url_import_allow='["127.0.0.1/32"]',
        url_import_timeout=f"{seconds}s",
        max_upload_size="300KiB",
        workers=1,
    )


def imported(server: Server, url: str, **fields: Any) -> httpx2.Response:
    """Request an import."""
    return server.client.post("/api/v1/images", json={"url": url, **fields})


def kept(server: Server) -> tuple[int, int, set[str]]:
    """Rows of images and of jobs, and blobs."""
    (images,), (jobs,) = (
        databases.run_sql(server.data_dir, f"SELECT count(*) FROM {table}")
        for table in ("images", "jobs")
    )
    return images, jobs, server.blobs()


@pytest.mark.parametrize("place", PLACES)
def test_an_image_is_imported_like_an_upload(importing: Server, remote: Remote, place: str) -> None:
    """The response, the stored bytes and the job are those of an upload."""
    content = picture(1)
    url = remote.url("/photos/beach%20day.jpg?size=full", answered(content))

    answer = importing.client.post(place, json={"url": url})

    image = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/images/{image['id']}"
    assert (image["filename"], image["title"]) == ("beach day.jpg", "beach day")
    assert (image["format"], image["width"], image["height"]) == ("jpeg", 640, 400)
    assert importing.client.get(image["urls"]["original"]).content == content
    assert importing.finished(image["job"]["id"])["status"] == "succeeded"


def test_fields_describe_an_import(importing: Server, remote: Remote) -> None:
    """They have the same meaning as for an upload."""
    url = remote.url("/fields.png", answered(picture(2, kind="PNG")))

    image = imported(
        importing, url, title="Das Meer", description="Früh #Sea", tags=[" Summer ", "a, b", ""],
        visibility="private",
    ).json()  # fmt: skip

    assert (image["title"], image["visibility"]) == ("Das Meer", "private")
    assert image["description"] == "Früh #Sea"
    assert image["tags"] == ["summer", "a, b", "sea"]


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="a b.jpg"', "a b.jpg"),
        ("attachment; filename*=UTF-8''fr%C3%BCh.jpg", "früh.jpg"),
        ('inline; filename="../../etc/passwd"', "passwd"),
        ("inline", "named.jpg"),
        ("attachment; filename*=no-such''%FF; x=\"", "ÿ"),
    ],
)
def test_the_source_may_name_the_file(
    importing: Server, remote: Remote, disposition: str, name: str
) -> None:
    """The display name comes from Content-Disposition, or else from the URL."""
    url = remote.url("/named.jpg", answered(picture(3), f"Content-Disposition: {disposition}"))

    assert imported(importing, url).json()["filename"] == name


@pytest.mark.parametrize("status", ["301 A", "302 B", "303 C", "307 D", "308 E"])
def test_redirects_are_followed(importing: Server, remote: Remote, status: str) -> None:
    """Three redirects, relative and absolute, are followed; the last URL names the file."""
    remote.url("/last.jpg", answered(picture(4)))
    remote.url("/third", redirected("last.jpg?x#fragment", status))
    remote.url("/second", redirected(f"//127.0.0.1:{remote.port}/third", status))
    url = remote.url("/first.png", redirected(remote.url("/second"), status))

    answer = imported(importing, url)

    assert answer.status_code == 201
    assert answer.json()["filename"] == "last.jpg"


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc"
FAILURES: dict[str, tuple[Answer, int, str]] = {
    "missing": (answered(b"", status="404 Not Found"), 422, "source_unavailable"),
    "broken": (answered(picture(5), status="500 Oops"), 422, "source_unavailable"),
    "partial": (answered(picture(5), status="206 Partial Content"), 422, "source_unavailable"),
    "not modified": (answered(b"", status="304 Not Modified"), 422, "source_unavailable"),
    "empty": (answered(b""), 400, "empty_file"),
    "text": (answered(TEXT), 415, "unsupported_media_type"),
    "damaged header": (answered(picture(5)[:40]), 422, "corrupt_image"),
    "too large": (answered(noise((900, 900))), 413, "file_too_large"),
    "too large, undeclared": (
        b"HTTP/1.0 200 OK\r\n\r\n" + noise((900, 900)), 413, "file_too_large",
    ),
    "endless": (endless, 413, "file_too_large"),
    "says it is longer": (answered(picture(5), length=200_000), 422, "source_unavailable"),
    "says it is huge": (answered(picture(5), length=10**15), 413, "file_too_large"),
    "chunk cut off": (CHUNKED, 422, "source_unavailable"),
    "gzip": (
        answered(gzip.compress(picture(5)), "Content-Encoding: gzip"), 422, "source_unavailable",
    ),
    "two lengths": (
        answered(picture(5), "Content-Length: 5"), 422, "source_unavailable",
    ),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", 422, "source_unavailable"),
    "hangs up": (lambda connection: connection.close(), 422, "source_unavailable"),
    "large header": (
        answered(picture(5), "X-Large: " + "a" * 200_000), 422, "source_unavailable",
    ),
    "redirect loop": (redirected("/source"), 422, "source_unavailable"),
    "redirect to nowhere": (answered(b"", status="302 Found"), 422, "source_unavailable"),
    "redirect to a file": (redirected("file:///etc/passwd"), 422, "source_unavailable"),
    "redirect to a port": (redirected("http://127.0.0.1:22/"), 422, "source_unavailable"),
    "redirect inside": (redirected("http://127.0.0.2:{port}/a.jpg"), 422, "source_unavailable"),
    "redirect to metadata": (redirected("http://169.254.169.254/"), 422, "source_unavailable"),
    "redirect, decimal": (redirected("http://2130706434:{port}/a.jpg"), 422, "source_unavailable"),
    "redirect, user": (redirected("http://u:p@127.0.0.1:{port}/"), 422, "source_unavailable"),
    "redirect, odd": (redirected("http://[::1/"), 422, "source_unavailable"),
}  # fmt: skip


@pytest.mark.parametrize("failure", FAILURES)
def test_nothing_is_left_of_a_failed_import(
    importing: Server, remote: Remote, inside: Remote, failure: str
) -> None:
    """No row, job, blob or temporary file is kept, for every behaviour of the source."""
    answer, status, code = FAILURES[failure]
    if isinstance(answer, bytes):
        answer = answer.replace(b"{port}", str(remote.port).encode())
    before = kept(importing)
    asked_inside = len(inside.requests)

    refusal = imported(importing, remote.url("/source", answer))

    assert_problem(refusal, status, code)
    assert kept(importing) == before
    assert orphans(importing) == []
    assert len(inside.requests) == asked_inside


@pytest.mark.parametrize("answer", [silent, dripping(picture(5), 0.1)], ids=["silent", "slow"])
def test_nothing_is_left_of_an_import_that_takes_too_long(
    hasty: Server, remote: Remote, answer: Answer
) -> None:
    """The time-out applies to the whole import."""
    refusal = imported(hasty, remote.url("/source", answer))

    assert_problem(refusal, 422, "source_unavailable")
    assert kept(hasty) == (0, 0, set())
    assert orphans(hasty) == []


def test_a_fourth_redirect_is_refused(importing: Server, remote: Remote) -> None:
    """The chain ends before its image."""
    remote.url("/r4", answered(picture(6)))
    for turn in range(4):
        remote.url(f"/r{turn}", redirected(f"/r{turn + 1}"))

    document = assert_problem(imported(importing, remote.url("/r0")), 422, "source_unavailable")

    assert document["detail"] == "The source redirects more than 3 times."


def test_a_closed_port_is_a_source_that_cannot_be_reached(
    importing: Server, closed_port: int
) -> None:
    """The detail names the cause, and no more data than the URL."""
    answer = imported(importing, f"http://127.0.0.1:{closed_port}/a.jpg")

    document = assert_problem(answer, 422, "source_unavailable")
    assert document["detail"] == "The source 127.0.0.1 cannot be reached."


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.2:{port}/a.jpg", "http://localhost.:{port}/a.jpg", "http://[::1]:{port}/",
        "http://[::ffff:127.0.0.2]:{port}/a.jpg", "http://169.254.169.254:{port}/latest/meta-data/",
        "http://10.0.0.1:{port}/", "http://2130706434:{port}/a.jpg", "http://0x7f000002:{port}/",
        "http://127.2:{port}/a.jpg", "http://0:{port}/", "http://user:pw@127.0.0.1:{port}/",
        "http://127.0.0.1:{port}/#a", "http://127.0.0.1:22/", "http://127.0.0.1/", "ftp://a.example/",
        "http://127.0.0.1:{port}\\@a.example/", "http://127.0.0.1:{port}/\t", "http://:{port}/", "",
        "http://no-such-host.invalid:{port}/a.jpg", "http://ⓔxample.com:{port}/", "a.jpg",
        "http://[64:ff9b::7f00:2]:{port}/", "http://[2002:7f00:2::]:{port}/",
    ],
)  # fmt: skip
def test_a_url_that_may_not_be_fetched_is_refused(
    importing: Server, remote: Remote, inside: Remote, url: str
) -> None:
    """The response is 400 with the name of the field, and no connection is made."""
    asked = len(remote.requests), len(inside.requests)

    answer = imported(importing, url.replace("{port}", str(remote.port)))

    document = assert_problem(answer, 400, "invalid_request")
    assert [fault["loc"] for fault in document["errors"]] == ["url"]
    assert (len(remote.requests), len(inside.requests)) == asked


@pytest.mark.parametrize(
    ("body", "places"),
    [
        (b"", ["body"]),
        (b"{", ["body"]),
        (b"[]", ["body"]),
        (b"null", ["body"]),
        (b"\xfe", ["body"]),
        (b"{}", ["url"]),
        (b'{"url": 5}', ["url"]),
        (b'{"url": null}', ["url"]),
        (b'{"url": "http://a.example/", "colour": "red"}', ["colour"]),
        (b'{"url": "http://a.example/", "title": 5, "tags": "a"}', ["title", "tags"]),
        (b'{"url": "http://a.example/", "tags": ["a", 5]}', ["tags.1"]),
        (b'{"url": "http://a.example/", "title": "a\\u0000"}', ["title"]),
        (b'{"url": "http://a.example/", "title": "\\ud800"}', ["title"]),
        (b'{"url": "http://a.example/", "visibility": "secret"}', ["visibility"]),
        (json.dumps({"url": "http://a.example/", "title": "a" * 1001}).encode(), ["title"]),
        (json.dumps({"url": "http://a.example/", "tags": ["a" * 65]}).encode(), ["tags"]),
        (json.dumps({"url": "http://a.example/", "tags": ["a"] * 101}).encode(), ["tags"]),
    ],
)
def test_a_wrong_body_is_refused_field_by_field(
    importing: Server, body: bytes, places: list[str]
) -> None:
    """The response names every error."""
    answer = importing.client.post(
        "/api/v1/images", content=body, headers={"content-type": "application/json; charset=utf-8"}
    )

    document = assert_problem(answer, 400, "invalid_request")
    assert [fault["loc"] for fault in document["errors"]] == places


def test_a_body_beyond_its_limit_is_refused(importing: Server) -> None:
    """64 KiB are enough for every URL and description."""
    answer = imported(importing, "http://a.example/", description="a" * (64 << 10))

    assert_problem(answer, 413, "file_too_large")


def test_an_import_is_json(importing: Server) -> None:
    """A picture sent to the operation of imports is not a URL."""
    answer = importing.client.post("/api/v1/images/actions/import", content=picture(8))

    assert_problem(answer, 415, "unsupported_media_type")


def test_parameters_in_the_query_are_refused(importing: Server) -> None:
    """A title must have only one place."""
    answer = importing.client.post("/api/v1/images?title=a", json={"url": "http://a.example/"})

    document = assert_problem(answer, 400, "invalid_request")
    assert document["errors"][0]["loc"] == "title"


def test_an_import_is_retried_without_fetching(importing: Server, remote: Remote) -> None:
    """What lies at the URL may have changed since."""
    body = {"url": remote.url("/retried.jpg", answered(picture(16))), "title": "A"}
    headers = {"idempotency-key": "import"}
    first = importing.client.post("/api/v1/images", json=body, headers=headers)
    remote.url("/retried.jpg", answered(picture(17)))

    again = importing.client.post("/api/v1/images", json=body, headers=headers)
    other = importing.client.post("/api/v1/images", json=body | {"title": "B"}, headers=headers)

    assert first.status_code == 201
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    assert_problem(other, 422, "idempotency_key_reused")


def test_imports_are_off_by_default(server: Server, remote: Remote) -> None:
    """Operators decide whether a service fetches URLs for users."""
    asked = len(remote.requests)

    answer = imported(server, remote.url("/a.jpg", answered(picture(7))))

    document = assert_problem(answer, 403, "forbidden")
    assert "allow_url_import" in document["detail"]
    assert len(remote.requests) == asked
