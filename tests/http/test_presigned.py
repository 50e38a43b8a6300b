"""Presigned uploads: one file for one URL, without a credential, until it expires."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from sqlalchemy import insert, select

from imagesvc.store.db.schema.requests import upload_slots
from tests import databases
from tests.accounts import Account, make_user
from tests.conftest import MakeServer
from tests.http.asking import assert_problem, images_count, orphans, picture
from tests.http.people import People
from tests.server import Server, new_client

pytestmark = pytest.mark.joint

ASK = "/api/v1/images/actions/upload-url"
JPEG = {"content-type": "image/jpeg"}


def handed_out(client: httpx2.Client, **query: Any) -> dict[str, Any]:
    """An upload URL with metadata."""
    answer = client.get(ASK, params=query)
    assert answer.status_code == 200, answer.text
    upload: dict[str, Any] = answer.json()
    return upload


def put(server: Server, upload: dict[str, Any], content: bytes, **fields: str) -> httpx2.Response:
    """Send a file to the URL, without a credential."""
    headers = {**upload["headers"], **fields}
    with new_client(base_url=server.client.base_url) as stranger:
        return stranger.request(upload["method"], upload["url"], content=content, headers=headers)


def test_a_file_becomes_the_promised_image(people: People) -> None:
    """It has the promised id, the owner who requested the URL, and the given metadata."""
    collection = people.ann.post("/api/v1/collections", json={"title": "c"}).json()
    upload = handed_out(
        people.ann, filename="beach.jpg", content_type="image/jpeg", title="Beach",
        description="at #Sea", tags=["own", "good"], visibility="private",
        collection_id=collection["id"],
    )  # fmt: skip
    assert (upload["method"], upload["headers"]) == ("PUT", JPEG)

    answer = put(people.server, upload, picture(1))

    assert answer.status_code == 201, answer.text
    assert answer.headers["location"] == f"/api/v1/images/{upload['id']}"
    image = people.ann.get(answer.headers["location"]).json()
    me = people.ann.get("/api/v1/users/me").json()
    assert (image["id"], image["owner_id"]) == (upload["id"], me["id"])
    assert (image["filename"], image["title"], image["tags"]) == (
        "beach.jpg", "Beach", ["own", "good", "sea"],
    )  # fmt: skip
    assert (image["visibility"], image["collection_id"]) == ("private", collection["id"])
    assert people.bob.get(answer.headers["location"]).status_code == 404


def test_a_user_has_a_bounded_number_of_urls_at_a_time(people: People) -> None:
    """Each is a row: a loop of requests must not fill the disk, nor block other users."""
    upload = handed_out(people.bob, filename="a.jpg", expires_in=86_400)
    with databases.opened(people.server.data_dir) as connection:
        slot = upload_slots.c.id == UUID(upload["id"])
        row = connection.execute(select(upload_slots).where(slot)).one()._asdict()
        connection.execute(insert(upload_slots), [{**row, "id": uuid4()} for _ in range(999)])

    assert_problem(people.bob.get(ASK), 429, "quota_exceeded")

    handed_out(people.ann)
    assert put(people.server, upload, picture(3)).status_code == 201
    handed_out(people.bob)
    assert_problem(people.bob.get(ASK), 429, "quota_exceeded")


def test_a_second_file_is_refused(server: Server) -> None:
    """This also holds after the image was deleted; no data of the file is kept."""
    upload = handed_out(server.client)
    assert put(server, upload, picture(1)).status_code == 201
    blobs = server.blobs()

    assert_problem(put(server, upload, picture(2)), 409, "conflict")
    assert server.blobs() == blobs
    server.client.delete(f"/api/v1/images/{upload['id']}")
    assert_problem(put(server, upload, picture(2)), 409, "conflict")
    assert orphans(server) == []


@pytest.mark.parametrize("same", [True, False], ids=["same bytes", "other bytes"])
def test_one_of_two_concurrent_files_is_accepted(server: Server, same: bool) -> None:
    """No data of the others is kept, and the accepted bytes stay when they are equal."""
    for attempt in range(3):
        upload = handed_out(server.client)
        before = server.blobs()
        seeds = [40 + attempt * 10 + (0 if same else n) for n in range(4)]
        with ThreadPoolExecutor(4) as pool:
            sent = list(pool.map(lambda s, u=upload: put(server, u, picture(s)), seeds))

        assert sorted(answer.status_code for answer in sent) == [201, 409, 409, 409]
        (won,) = [answer.json() for answer in sent if answer.status_code == 201]
        server.finished(won["job"]["id"])
        assert server.client.get(f"/images/{upload['id']}").status_code == 200
        assert server.blobs() - before <= {won["sha256"]}
        assert orphans(server) == []


@pytest.mark.parametrize(
    ("content", "fields", "status", "code"),
    [
        (picture(5, kind="PNG"), {}, 415, "unsupported_media_type"),
        (picture(5), {"content-type": "image/png"}, 415, "unsupported_media_type"),
        (picture(5) + bytes(60_000), {}, 413, "file_too_large"),
        (b"", {}, 400, "empty_file"),
        (picture(5)[:40], {}, 422, "corrupt_image"),
    ],
)
def test_a_refused_file_leaves_the_url_usable(
    server: Server, content: bytes, fields: dict[str, str], status: int, code: str
) -> None:
    """No data is kept, and the next file becomes the image."""
    upload = handed_out(server.client, content_type="image/jpeg", max_bytes=60_000)
    before, blobs = images_count(server), server.blobs()

    answer = put(server, upload, content, **fields)

    assert_problem(answer, status, code)
    assert (images_count(server), server.blobs(), orphans(server)) == (before, blobs, [])
    assert put(server, upload, picture(6)).status_code == 201


def test_a_file_without_declared_length_is_cut_off(server: Server) -> None:
    """The limit applies to the received bytes, not to the declared length."""
    upload = handed_out(server.client, max_bytes=1000)
    answer = server.client.put(upload["url"], content=iter([picture(1)]))

    assert_problem(answer, 413, "file_too_large")


@pytest.mark.parametrize(
    ("old", "new"),
    [("sig=", "sig=A"), ("exp=", "exp=9"), ("kid=default", "kid=other"), ("?", "?w=1&"),
     ("uploads/01", "uploads/02")],
)  # fmt: skip
def test_a_changed_url_is_refused(server: Server, old: str, new: str) -> None:
    """This holds for every part of the URL."""
    upload = handed_out(server.client)
    assert old in upload["url"]

    answer = put(server, {**upload, "url": upload["url"].replace(old, new, 1)}, picture(1))

    assert_problem(answer, 403, "signature_invalid")


def test_a_url_without_signature_is_refused(server: Server) -> None:
    """The id is no secret."""
    upload = handed_out(server.client)

    answer = put(server, {**upload, "url": upload["url"].partition("?")[0]}, picture(1))

    assert_problem(answer, 403, "signature_invalid")


def test_disabling_a_user_invalidates_their_urls(people: People) -> None:
    """A disabled user cannot use earlier upload URLs, even after being enabled again."""
    fired = make_user(people.server, Account("", "", people.admin), "fired")
    upload = handed_out(fired.client)
    for is_disabled in (True, False):
        path = f"/api/v1/users/{fired.id}"
        people.admin.patch(path, json={"is_disabled": is_disabled}).raise_for_status()

        assert_problem(put(people.server, upload, picture(7)), 409, "conflict")
    assert fired.client.get("/api/v1/users/me").json()["usage"]["image_count"] == 0


def test_an_expired_url_is_refused_and_collected(make_server: MakeServer) -> None:
    """It is removed by the next collection, which also runs at a start."""
    server = make_server()
    upload = handed_out(server.client, expires_in=1)
    fresh = handed_out(server.client)
    time.sleep(1.1)

    assert_problem(put(server, upload, picture(1)), 403, "signature_invalid")
    found = server.cli("gc", "--grace", "0s")

    assert found.returncode == 0, found.stderr
    assert "expired upload URLs" in found.stdout
    left = databases.run_sql(server.data_dir, "SELECT count(*) FROM upload_slots")
    assert left == [1]
    server.kill()
    server.start()
    assert put(server, fresh, picture(1)).status_code == 201


@pytest.mark.parametrize(
    "query",
    [
        {"content_type": "text/html"},
        {"max_bytes": 0},
        {"max_bytes": 10**12},
        {"expires_in": 0},
        {"expires_in": 86_401},
        {"expires_in": "soon"},
        {"visibility": "secret"},
        {"tags": "x" * 65},
        {"title": "x" * 1001},
        {"collection_id": "01890000-0000-7000-8000-000000000000"},
        {"colour": "red"},
    ],
)
def test_invalid_upload_requests_are_refused(server: Server, query: dict[str, Any]) -> None:
    """The request is refused before a file is sent."""
    assert_problem(server.client.get(ASK, params=query), 400, "invalid_request")


def test_an_id_without_its_file_cannot_be_processed(people: People) -> None:
    """Its owner gets an explanation; for other users it is no image.

    Afterwards it is an ordinary image.
    """
    upload = handed_out(people.ann)
    body = {"id": upload["id"], "operations": ["w=50"]}
    url = "/api/v1/images/actions/process"

    document = assert_problem(people.ann.post(url, json=body), 409, "conflict")
    assert "not been used" in document["detail"]
    assert_problem(people.bob.post(url, json=body), 404, "not_found")
    assert put(people.server, upload, picture(1)).status_code == 201

    assert people.ann.post(url, json=body).status_code == 202
