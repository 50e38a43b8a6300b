"""Index pages and feeds as watched sources of a server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from imagesvc.client import Client
from tests.http.asking import assert_problem, picture
from tests.remote import Remote, answered
from tests.server import Server
from tests.waiting import until


@pytest.fixture(scope="module")
def remote() -> Iterator[Remote]:
    """The server of the pages."""
    remote = Remote()
    yield remote
    remote.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, remote: Remote) -> Iterator[Server]:
    """A server that may read from it."""
    place: Path = tmp_path_factory.mktemp("remote")
    shared = Server(
        place / "data", eager_presets="[]", allow_url_import="true",
        url_import_allow='["127.0.0.1/32"]', url_import_ports=json.dumps([remote.port]),
    ).start()  # fmt: skip
    yield shared
    shared.close()


def names(server: Server, tag: str) -> list[str]:
    """The names of the images with a tag."""
    data = server.client.get("/api/v1/images", params={"q": f"tags:{tag}"}).json()["data"]
    return sorted(image["filename"] for image in data)


def scanned(client: Client, source_id: Any, before: Any = None) -> Any:
    """The next scan, when it has ended."""

    def ended() -> Any:
        source = client.source(source_id)
        return None if source.is_scanning or source.last_scan == before else source.last_scan

    return until(ended)


def test_an_index_and_its_folders(server: Server, remote: Remote) -> None:
    """A part that cannot be read, or is gone, removes nothing."""
    page = '<a href="a.png">a</a> 1 <a href="sea/">sea</a>'
    remote.url("/photos/", answered(page.encode()))
    remote.url("/photos/sea/", answered(b'<a href="../">up</a><a href="b%20c.png">b</a> 1'))
    remote.url("/photos/a.png", answered(picture(1, (2, 3), "PNG")))
    remote.url("/photos/sea/b%20c.png", answered(picture(2, (2, 3), "PNG")))
    with Client(str(server.client.base_url)) as client:
        options = {"tags": ["index"], "on_vanish": "trash", "collection": "{folder}"}
        made = client.create_source("index", remote.url("/photos"), **options)
        first = scanned(client, made.id)
        remote.url("/photos/sea/", answered(b"", status="500 Internal Server Error"))
        client.scan_source(made.id)
        second = scanned(client, made.id, first)

    assert (first.added, first.error) == (2, None)
    assert "cannot be read" in second.error
    assert names(server, "index") == ["a.png", "b c.png"]
    titles = {one["title"] for one in server.client.get("/api/v1/collections").json()["data"]}
    assert titles == {"photos", "sea"}


def test_a_feed_is_read_again_only_if_it_has_changed(server: Server, remote: Remote) -> None:
    """Its pictures go through the rules of addresses, and stay when their entries are gone."""
    bad = f"http://127.0.0.2:{remote.port}/x.png"
    good = remote.url("/p.png", answered(picture(3, (2, 3), "PNG")))
    items = "".join(f'<item><enclosure url="{url}"/></item>' for url in (good, bad))
    feed = answered(f"<rss><channel>{items}</channel></rss>".encode(), 'ETag: "one"')
    one = answered(
        f'<rss><channel><item><enclosure url="{good}"/></item></channel></rss>'.encode(),
        'ETag: "two"',
    )
    with Client(str(server.client.base_url)) as client:
        made = client.create_source("feed", remote.url("/feed", feed), tags=["feed"])
        first = scanned(client, made.id)
        remote.url("/feed", one)
        client.scan_source(made.id)
        second = scanned(client, made.id, first)
        remote.url("/feed", answered(b"", status="304 Not Modified"))
        client.scan_source(made.id)
        third = scanned(client, made.id, second)

    assert (first.added, first.failed, first.error) == (1, 1, None)
    assert "no public address" in first.failures[0]
    assert (second.seen, second.added, second.vanished, second.error) == (1, 0, 0, None)
    assert (third.seen, third.error) == (1, None)
    asked = [request for request in remote.requests if request.startswith("GET /feed")]
    assert ["if-none-match" in request.lower() for request in asked] == [False, False, True]
    assert names(server, "feed") == ["p.png"]


@pytest.mark.parametrize(
    ("kind", "address", "where"),
    [
        ("feed", "http://127.0.0.2/feed", "address must have one of these ports"),
        ("index", "ftp://example.org/", "address must"),
        ("index", "/srv/photos", "address"),
        ("s3", "s3:///prefix", "bucket"),
    ],
)
def test_bad_addresses_are_refused(server: Server, kind: str, address: str, where: str) -> None:
    """Before there is a row."""
    answer = server.client.post("/api/v1/sources", json={"kind": kind, "address": address})

    assert_problem(answer, 400, "invalid_request")
    assert where in answer.json()["detail"]
