"""Uploads of guests over HTTP: what a link accepts, and what guests learn."""

from __future__ import annotations

import io
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import httpx2
import pytest

from tests.accounts import client_of
from tests.http.asking import TEXT, assert_problem, in_time, picture
from tests.http.people import People
from tests.visitors import LINKS, SHARES, Visitor, link, share
from tests.waiting import until

pytestmark = pytest.mark.joint


def collection_of(people: People) -> str:
    """An empty private collection of Ann."""
    body = {"title": "Party", "visibility": "private"}
    collection_id: str = people.ann.post("/api/v1/collections", json=body).json()["id"]
    return collection_id


def images_in(people: People, collection_id: str) -> list[dict[str, Any]]:
    """The images of a collection, as Ann sees them."""
    path = f"/api/v1/collections/{collection_id}/relationships/images?limit=200"
    found: list[dict[str, Any]] = people.ann.get(path).json()["data"]
    return found


def send(people: People, token: str, *contents: bytes, **fields: str) -> httpx2.Response:
    """Upload files as a guest."""
    files = [("file", (f"{place}.jpg", content)) for place, content in enumerate(contents)]
    path = f"/api/v1/guest/{token}/images"
    return client_of(people.server).post(path, files=files, data=fields)


def statuses(answer: httpx2.Response) -> list[int]:
    """The results for the files of a guest."""
    assert answer.status_code == 207, answer.text
    return [entry["status"] for entry in answer.json()["data"]]


def test_files_of_guests_become_private_images_of_the_owner(people: People) -> None:
    """Whatever fields the form has; a file that is no image is refused alone."""
    collection_id = collection_of(people)
    made = link(people.ann, collection_id=collection_id, title="Your pictures")
    fields = {"visibility": "public", "share_location": "true", "tags": "x", "title": "x"}

    answer = send(people, made["token"], picture(1), TEXT, picture(2), **fields)

    assert made["url"] == f"/g/{made['token']}"
    assert statuses(answer) == [201, 415, 201]
    assert answer.json()["data"][1]["problem"]["code"] == "unsupported_media_type"
    images = images_in(people, collection_id)
    assert {image["filename"] for image in images} == {"0.jpg", "2.jpg"}
    for image in images:
        assert (image["visibility"], image["owner_id"]) == ("private", made["owner_id"])
        assert (image["tags"], image["share_location"]) == ([], False)
        assert image["id"] not in answer.text
    shown = client_of(people.server).get(f"/api/v1/guest/{made['token']}")
    assert shown.json() == {
        "title": "Your pictures", "expires_at": None, "files_left": 98,
        "bytes_left": (1 << 30) - len(picture(1)) - len(picture(2)),
    }  # fmt: skip


def waiting(client: httpx2.Client, **query: str) -> list[str]:
    """The images that wait to be accepted, as a search finds them."""
    found = client.get("/api/v1/images", params={"q": "is:waiting", "limit": "200", **query})
    return [image["id"] for image in found.json()["data"]]


def test_pictures_of_guests_are_in_no_share_before_they_are_accepted(people: People) -> None:
    """Of the collection, of a search, or alone; neither as pictures nor as files of a ZIP."""
    collection_id = collection_of(people)
    made = link(people.ann, collection_id=collection_id)
    assert statuses(send(people, made["token"], picture(60), picture(61), picture(62))) == [201] * 3
    known = images_in(people, collection_id)
    ids = [image["id"] for image in known]
    terms = {"allow_download": True, "show_metadata": True}
    shares = [
        share(people.ann, collection_id=collection_id, **terms),
        share(people.ann, q="is:waiting OR format:jpeg", **terms),
    ]
    visitors = [Visitor(people.server, one["token"]) for one in shares]
    path = f"/api/v1/images/{ids[2]}"

    def shown() -> list[set[str]]:
        """Those that each share lists, shows, sends and zips."""
        found = []
        for visitor in visitors:
            answers = {one: visitor.picture(one, "original").status_code for one in ids}
            pictures = {one: visitor.picture(one).status_code for one in ids}
            assert answers == pictures
            zipped = zipfile.ZipFile(
                io.BytesIO(visitor.client.get(f"/s/{visitor.token}/archive").content)
            )
            listed = set(visitor.ids()) & set(ids)
            assert listed == {one for one, status in answers.items() if status == 200}
            digests = {sha256(zipped.read(name)).hexdigest() for name in zipped.namelist()}
            of_known = {image["id"] for image in known if image["sha256"] in digests}
            assert of_known == listed
            found.append(listed)
        return found

    assert [image["awaits_review"] for image in known] == [True] * 3
    assert shown() == [set(), set()]
    assert set(ids) <= set(waiting(people.ann))
    assert waiting(people.bob) == []
    for refused in (
        people.ann.post(SHARES, json={"image_id": ids[2]}),
        people.ann.patch(path, json={"visibility": "public"}),
    ):
        assert "accept it first" in assert_problem(refused, 409, "conflict")["detail"]
    assert people.ann.patch(path, json={"awaits_review": True}).status_code == 400
    assert_problem(people.bob.patch(path, json={"awaits_review": False}), 404, "not_found")

    accepted = people.ann.patch(path, json={"awaits_review": False, "visibility": "unlisted"})
    body = {"ids": [ids[1]], "awaits_review": False}
    bulk = people.ann.post("/api/v1/images/actions/update", json=body).json()

    assert (accepted.status_code, accepted.json()["awaits_review"]) == (200, False)
    assert (bulk["changed"], bulk["failed"]) == (1, 0)
    assert shown() == [set(ids[1:])] * 2
    assert set(waiting(people.ann)) & set(ids) == {ids[0]}
    assert timeline_flags(people.ann, ids) == [True, False, False]
    # However many wait, no page is short because of them.
    assert visitors[0].images(limit=1).json()["ids"] == [ids[1]]


def timeline_flags(client: httpx2.Client, ids: list[str]) -> list[bool]:
    """Whether the timeline marks images as waiting."""
    counts = client.get("/api/v1/timeline").json()
    flags: dict[str, int] = {}
    for month in counts["months"]:
        page = client.get(f"/api/v1/timeline/{month}").json()
        flags |= dict(zip(page["ids"], page["flags"], strict=True))
    return [bool(flags[one] & 128) for one in ids]


def test_concurrent_guests_do_not_exceed_the_limits(people: People) -> None:
    """Neither in files nor in bytes; a refused file is not counted."""
    size = len(picture(3))
    for limits in ({"max_files": 3}, {"max_bytes": 3 * size + 10}):
        collection_id = collection_of(people)
        made = link(people.ann, collection_id=collection_id, **limits)
        assert statuses(send(people, made["token"], TEXT)) == [415]
        with ThreadPoolExecutor(6) as threads:
            answers = list(
                threads.map(lambda _, made=made: send(people, made["token"], picture(3)), range(6))
            )

        sent = [answer.status_code for answer in answers]
        accepted = [answer for answer in answers if answer.status_code == 207]
        results = [status for answer in accepted for status in statuses(answer)]
        assert set(sent) <= {207, 410, 413}
        assert (results.count(201), set(results)) in [(3, {201}), (3, {201, 410})]
        assert len(images_in(people, collection_id)) == 3
        counted = people.ann.get(f"{LINKS}/{made['id']}").json()
        assert (counted["files"], counted["bytes"]) == (3, 3 * size)


def test_a_link_ends(people: People) -> None:
    """It expires, is used up, or is withdrawn; images stay."""
    collection_id = collection_of(people)
    hour = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    expiring = link(people.ann, collection_id=collection_id, expires_at=hour)
    used = link(people.ann, collection_id=collection_id, max_files=1)
    withdrawn = link(people.ann, collection_id=collection_id)
    assert statuses(send(people, used["token"], picture(4), picture(5))) == [201, 410]
    assert statuses(send(people, withdrawn["token"], picture(6))) == [201]

    at = f"{LINKS}/{expiring['id']}"
    in_time(lambda soon: people.ann.patch(at, json={"expires_at": soon.isoformat()}))
    until(lambda: send(people, expiring["token"], picture(7)).status_code == 410)
    people.ann.delete(f"{LINKS}/{withdrawn['id']}")

    for made, status, code in (
        (expiring, 410, "gone"), (used, 410, "used_up"), (withdrawn, 404, "not_found"),
    ):  # fmt: skip
        assert_problem(send(people, made["token"], picture(8)), status, code)
        answer = client_of(people.server).get(f"/api/v1/guest/{made['token']}")
        assert_problem(answer, status, code)
    assert people.ann.patch(f"{LINKS}/{used['id']}", json={"max_files": 2}).status_code == 200
    assert statuses(send(people, used["token"], picture(8))) == [201]
    assert len(images_in(people, collection_id)) >= 3


def test_a_link_for_uploads_shows_nothing(people: People) -> None:
    """Guests of another gallery downloaded photos that were not shared (pg#53)."""
    collection_id = collection_of(people)
    made = link(people.ann, collection_id=collection_id)
    send(people, made["token"], picture(9))
    (image,) = images_in(people, collection_id)
    guest = client_of(people.server)

    for path in (
        f"/api/v1/shared/{made['token']}", f"/api/v1/shared/{made['token']}/images",
        f"/s/{made['token']}/i/{image['id']}/thumbnail", f"/images/{image['id']}",
        f"/api/v1/guest/{made['id']}",
    ):  # fmt: skip
        assert_problem(guest.get(path), 404, "not_found")
    listed = guest.get(f"/api/v1/guest/{made['token']}/images")
    assert_problem(listed, 405, "method_not_allowed")
    shared = people.ann.post(SHARES, json={"collection_id": collection_id}).json()
    token = shared["url"].rpartition("/")[2]
    assert_problem(send(people, token, picture(9)), 404, "not_found")


def test_the_quota_of_the_owner_holds_and_stays_secret(people: People) -> None:
    """A guest is told that there is no room, and no number."""
    owner = people.ann.get("/api/v1/users/me").json()["id"]
    made = link(people.ann, collection_id=collection_of(people))
    used = people.ann.get("/api/v1/users/me").json()["usage"]["image_count"]
    quota = f"/api/v1/users/{owner}"
    people.admin.patch(quota, json={"quota_images": max(1, used)})
    while people.ann.post("/images", content=picture(10)).status_code == 201:
        pass

    answer = send(people, made["token"], picture(11))

    people.admin.patch(quota, json={"quota_images": None})
    assert statuses(answer) == [429]
    assert answer.json()["data"][0]["problem"]["detail"] == "There is no more room for this file."
    assert people.ann.get(f"{LINKS}/{made['id']}").json()["files"] == 0


def test_others_make_no_links_into_a_collection(people: People) -> None:
    """A private collection does not exist for them."""
    collection_id = collection_of(people)

    answer = people.bob.post(LINKS, json={"collection_id": collection_id})

    assert_problem(answer, 404, "not_found")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"max_files": 0},
        {"max_files": 1.5},
        {"max_files": "1"},
        {"max_files": True},
        {"max_bytes": 0},
        {"expires_at": "2020-01-01T00:00:00Z"},
        {"x": 1},
    ],
)
def test_malformed_links_are_refused(people: People, body: dict[str, Any]) -> None:
    """The response names what is wrong."""
    given = {"collection_id": collection_of(people), **body} if body else {}
    assert_problem(people.ann.post(LINKS, json=given), 400, "invalid_request")


def test_whole_numbers_may_have_a_point(people: People) -> None:
    """Some JSON libraries write 5 as 5.0, and JSON Schema takes both for an integer."""
    made = link(people.ann, collection_id=collection_of(people), max_files=5.0)

    assert made["max_files"] == 5


def test_only_forms_are_accepted_from_guests(people: People) -> None:
    """With at least one file, and no more bytes than the link accepts."""
    made = link(people.ann, collection_id=collection_of(people), max_bytes=1000)
    guest, path = client_of(people.server), f"/api/v1/guest/{made['token']}/images"

    assert_problem(guest.post(path, content=picture(1)), 415, "unsupported_media_type")
    assert_problem(guest.post(path, files={"x": (None, "y")}), 400, "no_file")
    assert statuses(send(people, made["token"], picture(1))) == [410]
    assert_problem(send(people, made["token"], bytes(400_000)), 413, "file_too_large")
