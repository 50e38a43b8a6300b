"""Images that expire: at that time each of their URLs is 404, and then they are deleted."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from tests.breadth import represented
from tests.conftest import MakeServer
from tests.http.asking import assert_problem, images_count, in_time, orphans, picture
from tests.http.test_trash import PICTURES, TRASH, files, listed, moved, show
from tests.server import Server
from tests.waiting import until

pytestmark = pytest.mark.joint

YEAR = timedelta(days=365)
EVENTS = "/api/v1/events?types=image.deleted&last_event_id=0"


@pytest.fixture(scope="module")
def keeping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that lets caches serve stale pictures, except those that expire."""
    place = tmp_path_factory.mktemp("keeping") / "data"
    shared = Server(place, stale_while_revalidate="1d").start()
    yield shared
    shared.close()


def after(delay: timedelta) -> str:
    """The time after a delay, as text."""
    return (datetime.now(UTC) + delay).isoformat().replace("+00:00", "Z")


def instant(text: str) -> datetime:
    """The time in a response."""
    return datetime.fromisoformat(text)


def patched(server: Server, image_id: str, **fields: Any) -> httpx2.Response:
    """The response to an edit."""
    return server.client.patch(f"/api/v1/images/{image_id}", json=fields)


def expire_soon(server: Server, image_id: str) -> datetime:
    """Let an image expire as soon as the machine is fast enough to say so before; the time."""
    ends, _answer = in_time(lambda ends: patched(server, image_id, expires_at=ends.isoformat()))
    return ends


def test_every_way_of_uploading_takes_an_expiry(server: Server) -> None:
    """As a time or in seconds, in parts and in queries."""
    wanted, content = after(YEAR), picture(1)
    query = {"expires_at": wanted}
    client = server.client
    raw: dict[str, Any] = {"content": content, "headers": {"content-type": "image/jpeg"}}
    slot = client.get("/api/v1/images/actions/upload-url", params={**query, "expires_in": 900})
    answers = [
        client.post("/images", files={"file": ("a.jpg", content)}, data=query),
        client.post("/api/v1/images", params=query, **raw),
        client.post("/api/v1/images/actions/upload", params=query, **raw),
        client.put(slot.json()["url"], content=content),
    ]

    for answer in answers:
        assert answer.status_code == 201, answer.text
        assert instant(answer.json()["expires_at"]) == instant(wanted)
        assert instant(show(server.client, answer.json()["id"])["expires_at"]) == instant(wanted)
    began = datetime.now(UTC)
    image = server.upload(content, expires_in="3600")
    assert timedelta(0) <= instant(image["expires_at"]) - began - timedelta(hours=1)
    assert instant(image["expires_at"]) <= datetime.now(UTC) + timedelta(hours=1)
    assert server.upload(content)["expires_at"] is None
    assert server.upload(content, expires_at="", expires_in="")["expires_at"] is None


@pytest.mark.parametrize(
    "fields",
    [
        {"expires_at": "2020-01-01T00:00:00Z"}, {"expires_at": "soon"}, {"expires_in": "0"},
        {"expires_in": "-5"}, {"expires_in": "1e3"}, {"expires_in": "99999999999"},
        {"expires_at": "9999-12-31T23:59:59-14:00"}, {"expires_in": "2.5"},
        {"expires_at": "2999-01-01T00:00:00Z", "expires_in": "5"},
        {"expire_at": "2999-01-01T00:00:00Z"}, {"expires-in": "5"},
    ],
)  # fmt: skip
def test_an_invalid_expiry_is_refused_and_nothing_is_kept(
    server: Server, fields: dict[str, str]
) -> None:
    """A misspelt one, too: the image would stay although it was to go."""
    before, blobs = images_count(server), server.blobs()

    answer = server.client.post(
        "/api/v1/images", files={"file": ("a.jpg", picture(99))}, data=fields
    )

    errors = assert_problem(answer, 400, "invalid_request")["errors"]
    assert {error["loc"].split(".")[-1] for error in errors} & {*fields, "expires_in"}
    assert (images_count(server), server.blobs(), orphans(server)) == (before, blobs, [])


def test_the_expiry_is_changed_and_removed(server: Server) -> None:
    """It is a field like others, with versions; null is never."""
    image_id = server.upload(picture(2))["id"]
    wanted = after(YEAR)

    changed = patched(server, image_id, expires_at=wanted)
    assert instant(changed.json()["expires_at"]) == instant(wanted)
    assert changed.headers["etag"] == '"2"'
    assert patched(server, image_id, title="x").json()["expires_at"] == changed.json()["expires_at"]
    refused = patched(server, image_id, expires_at="2020-01-01T00:00:00Z")
    assert_problem(refused, 400, "invalid_request")
    assert patched(server, image_id, expires_at=None).json()["expires_at"] is None


def lasts_until(answer: httpx2.Response) -> float:
    """The latest time at which a cache may still answer with a response that it has just got."""
    cache_control = answer.headers["cache-control"]
    assert "immutable" not in cache_control
    assert "stale-while-revalidate" not in cache_control
    match = re.search(r"max-age=(\d+)", cache_control)
    assert match is not None
    return float(match[1])


@pytest.mark.parametrize("path", represented(PICTURES, "/images/{}?w=50", "/images/{}"))
def test_an_image_is_gone_everywhere_when_it_expires(keeping: Server, path: str) -> None:
    """No request that begins afterwards finds it, in memory or anywhere; no cache may keep it."""
    image = keeping.upload(picture(3), title="gecko")
    url = path.format(image["id"])
    for _ in range(3):
        assert "stale-while-revalidate" in keeping.client.get(url).headers["cache-control"]
    ends = expire_soon(keeping, image["id"])

    def is_gone() -> bool:
        began = time.time()
        answer = keeping.client.get(url)
        if began >= ends.timestamp():
            assert answer.status_code == 404
        elif answer.status_code == 200:
            assert began + lasts_until(answer) <= ends.timestamp()
        return answer.status_code == 404

    until(is_gone)

    assert datetime.now(UTC) >= ends
    for each in (*PICTURES, "/api/v1/images/{}", "/api/v1/images/{}/variants"):
        assert keeping.client.get(each.format(image["id"])).status_code == 404
    assert patched(keeping, image["id"], expires_at=None).status_code == 404


def test_lists_show_no_image_that_has_expired(keeping: Server) -> None:
    """Searches, collections and totals neither, nor can anything be done with it."""
    collection = keeping.client.post("/api/v1/collections", json={"title": "x"}).json()
    image = keeping.upload(picture(4), title="heron", collection_id=collection["id"])
    other = keeping.upload(picture(4), title="heron", collection_id=collection["id"])
    for one in (image, other):
        keeping.finished(one["job"]["id"])
    lists = [
        "/api/v1/images?limit=200", "/api/v1/images?q=heron", "/api/v1/images?q=heron&sort=name",
        f"/api/v1/images?collection={collection['id']}", collection["links"]["images"],
        f"/api/v1/images?collection={collection['id']}&sort=taken",
        "/api/v1/images?sort=taken&limit=200", "/api/v1/images?sort=size&limit=200",
    ]  # fmt: skip
    for url in lists:
        assert {image["id"], other["id"]} <= set(listed(keeping.client, url)), url
    similar = f"/api/v1/images?q=similar:{other['id']}"
    assert image["id"] in listed(keeping.client, similar)
    expire_soon(keeping, image["id"])
    until(lambda: keeping.client.get(f"/images/{image['id']}").status_code == 404)

    for url in (*lists, similar):
        assert image["id"] not in listed(keeping.client, url), url
    for query in (f"collection={collection['id']}", "q=heron"):
        timeline = keeping.client.get(f"/api/v1/timeline?{query}").json()
        (month,) = timeline["months"]
        shown = keeping.client.get(f"/api/v1/timeline/{month}?{query}").json()
        assert (timeline["total"], shown["ids"]) == (1, [other["id"]])
    counted = keeping.client.get("/api/v1/images?q=heron&total=true").json()
    assert (counted["total"], len(counted["data"])) == (1, 1)
    gone = f"/api/v1/images?q=similar:{image['id']}"
    assert_problem(keeping.client.get(gone), 400, "invalid_query")
    for action in ("trash", "restore"):
        assert moved(keeping.client, action, image["id"]) == [404]
    process = keeping.client.post("/api/v1/images/actions/process", json={"id": image["id"]})
    assert process.status_code == 404
    add = {"data": [{"type": "images", "id": image["id"]}]}
    assert keeping.client.post(collection["links"]["images"], json=add).status_code == 404
    assert keeping.client.delete(f"/api/v1/images/{image['id']}").status_code == 404


def test_an_image_in_the_trash_expires(keeping: Server) -> None:
    """It cannot be restored any more."""
    for seconds in (1, 10, 100):  # longer if it has expired before it is there
        sent = keeping.client.post("/images", content=picture(5), params={"expires_in": seconds})
        image_id = sent.json().get("id", "")
        if moved(keeping.client, "trash", image_id) == [204]:
            break
    else:
        pytest.fail("the image has expired each time")

    until(lambda: keeping.client.get(f"/api/v1/images/{image_id}").status_code == 404)

    assert image_id not in listed(keeping.client, TRASH)
    assert moved(keeping.client, "restore", image_id) == [404]


def test_a_file_that_arrives_after_its_expiry_is_refused(keeping: Server) -> None:
    """The URL of a presigned upload may outlive the image."""
    before, blobs = images_count(keeping), keeping.blobs()
    made = "/api/v1/images/actions/upload-url"
    past = keeping.client.get(made, params={"expires_at": "2020-01-01"})
    assert_problem(past, 400, "invalid_request")
    ends, slot = in_time(
        lambda ends: keeping.client.get(made, params={"expires_at": ends.isoformat()})
    )
    until(lambda: datetime.now(UTC) > ends)

    answer = keeping.client.put(slot.json()["url"], content=picture(6))

    assert assert_problem(answer, 400, "invalid_request")["errors"][0]["loc"] == "expires_at"
    assert (images_count(keeping), keeping.blobs(), orphans(keeping)) == (before, blobs, [])


@pytest.mark.embedded
def test_an_expired_image_is_deleted_for_good(make_server: MakeServer) -> None:
    """Nothing is left of it on disk (invariant 6), but what another image shares; an event says so.

    The image expires while the server does not run.
    """
    server = make_server(gc_interval="200ms")
    gone, shared, kept = (server.upload(picture(seed)) for seed in (1, 2, 2))
    for image in (gone, shared, kept):
        server.finished(image["job"]["id"])
    ends = max(expire_soon(server, image["id"]) for image in (gone, shared))
    server.kill()
    until(lambda: datetime.now(UTC) > ends)

    server.start()

    for image in (gone, shared):
        assert server.client.get(f"/images/{image['id']}").status_code == 404
    until(lambda: gone["sha256"] not in files(server))
    with server.client.stream("GET", EVENTS) as stream:
        told = next(line for line in stream.iter_lines() if gone["id"] in line)
    assert "image.deleted" in told
    assert server.client.get(f"/images/{kept['id']}").content == picture(2)
    assert server.client.get(f"/images/{kept['id']}/thumbnail").status_code == 200
    until(lambda: server.blobs() == {kept["sha256"]})
    assert server.cli("check").returncode == 0


def test_gc_deletes_what_has_expired(make_server: MakeServer) -> None:
    """The server, which would do it itself, is stopped."""
    server = make_server()
    image = server.upload(picture(1))
    ends = expire_soon(server, image["id"])
    server.kill()
    until(lambda: datetime.now(UTC) > ends)
    assert server.blobs() == {image["sha256"]}

    assert "1 expired or trashed images would be" in server.cli("gc", "--dry-run").stdout
    assert "1 expired or trashed images removed" in server.cli("gc").stdout

    assert server.blobs() == set()
