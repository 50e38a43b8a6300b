"""The timeline over HTTP: columns, flags, entity tags, favourites, corrected dates, bad input."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.accounts import Account, client_of, make_user
from tests.http.asking import assert_problem, damaged
from tests.http.test_search import photo
from tests.server import Server
from tests.waiting import until

TIMELINE = "/api/v1/timeline"
MARCH = f"{TIMELINE}/2016-03"
TAKEN = datetime(2016, 3, 24, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def ada(guarded: Server, admin: Account) -> Account:
    """The owner of some images."""
    return make_user(guarded, admin, "ada")


def upload(account: Account, content: bytes, **fields: str) -> dict[str, Any]:
    """Upload an image, and wait until its job has ended."""
    files = {"file": ("a", content)}
    image = account.client.post("/api/v1/images", files=files, data=fields).json()
    url = f"/api/v1/images/{image['id']}"
    ended = {"succeeded", "failed"}
    until(lambda: account.client.get(url).json()["status"] in ended)
    shown: dict[str, Any] = account.client.get(url).json()
    return shown


@pytest.fixture(scope="module")
def image(ada: Account) -> dict[str, Any]:
    """An unlisted image with a date."""
    return upload(ada, photo("#2f6b9a", taken="2016:03:24 12:00:00"), visibility="unlisted")


def test_a_month_has_the_columns_of_its_images(ada: Account, image: dict[str, Any]) -> None:
    """The counts are the lengths of the columns."""
    timeline = ada.client.get(TIMELINE).json()
    columns = ada.client.get(MARCH).json()

    assert timeline["is_exact"] is True
    assert timeline["total"] == sum(timeline["counts"])
    assert dict(zip(timeline["months"], timeline["counts"], strict=True))["2016-03"] == 1
    assert columns == {
        "ids": [image["id"]],
        "widths": [64],
        "heights": [48],
        "taken": [int(TAKEN.timestamp())],
        "thumbhashes": [image["thumbhash"]],
        "flags": [32],
        "next_cursor": None,
    }


def test_flags_tell_of_jobs_and_visibility(ada: Account, image: dict[str, Any]) -> None:
    """A failed job is seen in the grid."""
    failed = upload(ada, damaged(), visibility="private")
    assert failed["status"] == "failed"
    path = f"/api/v1/images/{failed['id']}"
    assert ada.client.patch(path, json={"taken_at": "2016-03-01T00:00"}).status_code == 200

    columns = ada.client.get(MARCH).json()

    flags = dict(zip(columns["ids"], columns["flags"], strict=True))
    assert flags == {image["id"]: 32, failed["id"]: 8}
    assert ada.client.delete(path).status_code == 204


def test_favourites_are_shown_to_their_owner_only(
    guarded: Server, admin: Account, ada: Account, image: dict[str, Any]
) -> None:
    """They are found by `is:favourite` and by the filter, with all other conditions."""
    path = f"/api/v1/images/{image['id']}"
    before = ada.client.get(path)
    changes = {"is_favourite": True, "visibility": "public"}
    changed = ada.client.patch(path, json=changes, headers={"if-match": before.headers["etag"]})
    bob = make_user(guarded, admin, "bob")

    assert changed.json()["is_favourite"] is True
    assert changed.headers["etag"] != before.headers["etag"]
    assert bob.client.get(path).json()["is_favourite"] is False
    for query, mine, others in (
        ({"q": "is:favourite"}, 1, 0),
        ({"favourite": "true"}, 1, 0),
        ({"favourite": "true", "q": "from:2016 to:2016"}, 1, 0),
        ({"q": "is:favourite format:png"}, 0, 0),
        ({"favourite": "false", "q": "date:2016"}, 0, 1),
    ):
        for account, count in ((ada, mine), (bob, others)):
            assert account.client.get(TIMELINE, params=query).json()["total"] == count, query
            columns = account.client.get(MARCH, params=query).json()
            assert len(columns["ids"]) == count
            listed = account.client.get("/api/v1/images", params=query).json()["data"]
            assert len(listed) == count
    assert ada.client.get(MARCH).json()["flags"] == [17]
    assert bob.client.get(MARCH).json()["flags"] == [16]

    back = {"is_favourite": False, "visibility": "unlisted"}
    assert ada.client.patch(path, json=back).json()["is_favourite"] is False
    assert ada.client.get(TIMELINE, params={"q": "is:favourite"}).json()["total"] == 0


def test_images_in_a_collection_are_marked_for_their_owner_only(
    guarded: Server, admin: Account, ada: Account, image: dict[str, Any]
) -> None:
    """The collection may be private; admins see what its owner sees."""
    eve = make_user(guarded, admin, "eve")
    made = ada.client.post("/api/v1/collections", json={"title": "Spring"}).json()
    members = f"/api/v1/collections/{made['id']}/relationships/images"
    body = {"data": [{"type": "images", "id": image["id"]}]}
    path = f"/api/v1/images/{image['id']}"
    assert ada.client.patch(path, json={"visibility": "public"}).status_code == 200
    assert ada.client.get(MARCH).json()["flags"] == [16]

    assert ada.client.post(members, json=body).status_code == 204

    assert ada.client.get(MARCH).json()["flags"] == [16 + 64]
    assert admin.client.get(MARCH).json()["flags"] == [16 + 64]
    assert eve.client.get(MARCH).json()["flags"] == [16]
    assert ada.client.request("DELETE", members, json=body).status_code == 204
    assert ada.client.get(MARCH).json()["flags"] == [16]
    assert ada.client.patch(path, json={"visibility": "unlisted"}).status_code == 200


def test_a_corrected_date_moves_an_image(ada: Account, image: dict[str, Any]) -> None:
    """In the timeline, in searches by date, and in the EXIF that JSON shows."""
    path = f"/api/v1/images/{image['id']}"
    moved = ada.client.patch(path, json={"taken_at": "1999-12-31T23:59:59"}).json()

    assert moved["exif"] == image["exif"] | {"taken_at": "1999-12-31T23:59:59"}
    assert ada.client.get(MARCH).json()["ids"] == []
    assert ada.client.get(f"{TIMELINE}/1999-12").json()["ids"] == [image["id"]]
    found = ada.client.get("/api/v1/images", params={"q": "date:1999"}).json()["data"]
    assert [one["id"] for one in found] == [image["id"]]
    assert ada.client.get("/api/v1/images", params={"q": "date:2016"}).json()["data"] == []

    without = ada.client.patch(path, json={"taken_at": None}).json()
    assert "taken_at" not in without["exif"]
    assert ada.client.get(f"{TIMELINE}/{image['created_at'][:7]}").json()["ids"] == [image["id"]]
    ada.client.patch(path, json={"taken_at": image["exif"]["taken_at"]})
    assert ada.client.get(MARCH).json()["ids"] == [image["id"]]


@pytest.mark.parametrize("path", [TIMELINE, MARCH])
def test_unchanged_answers_are_not_sent_again(
    ada: Account, image: dict[str, Any], path: str
) -> None:
    """A favourite changes the tag of its month, and leaves that of the counts."""
    first = ada.client.get(path)
    etag = first.headers["etag"]
    again = ada.client.get(path, headers={"if-none-match": etag})
    head = ada.client.head(path)

    assert first.headers["cache-control"] == "private, no-cache"
    assert not etag.startswith("W/")
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert (head.headers["etag"], head.content) == (etag, b"")
    url = f"/api/v1/images/{image['id']}"
    ada.client.patch(url, json={"is_favourite": True})
    changed = ada.client.get(path, headers={"if-none-match": etag})
    assert changed.status_code == (200 if path == MARCH else 304)
    ada.client.patch(url, json={"is_favourite": False, "taken_at": "2016-02-01T00:00"})
    assert ada.client.get(path, headers={"if-none-match": etag}).status_code == 200
    ada.client.patch(url, json={"taken_at": image["exif"]["taken_at"]})


def test_a_cursor_belongs_to_one_month(ada: Account, image: dict[str, Any]) -> None:
    """With another month or filter it is refused."""
    other = upload(ada, photo("#101018", taken="2016:03:25 12:00:00"), visibility="private")
    first = ada.client.get(MARCH, params={"limit": 1}).json()
    cursor = first["next_cursor"]
    second = ada.client.get(MARCH, params={"limit": 1, "cursor": cursor}).json()

    assert first["ids"] + second["ids"] == [other["id"], image["id"]]
    assert second["next_cursor"] is None
    for path, query in (
        (f"{TIMELINE}/2016-02", {}), (MARCH, {"visibility": "private"}), ("/api/v1/images", {}),
    ):  # fmt: skip
        answer = ada.client.get(path, params={"cursor": cursor, **query})
        problem = assert_problem(answer, 400, "invalid_request")
        assert problem["errors"][0]["loc"] == "cursor"
    assert ada.client.delete(f"/api/v1/images/{other['id']}").status_code == 204


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/2016-13", "month"), ("/2016-00", "month"), ("/2016-3", "month"), ("/0000-01", "month"),
        ("/march", "month"), ("/2016-03-24", "month"), ("/٢٠١٦-٠٣", "month"),
        ("/2016-03?limit=0", "limit"), ("/2016-03?limit=2001", "limit"),
        ("/2016-03?cursor=x", "cursor"), ("/2016-03?sort=name", "sort"),
        ("?favourite=perhaps", "favourite"), ("?owner=x", "owner"), ("?collection=x", "collection"),
        ("?visibility=secret", "visibility"), ("?month=2016-03", "month"),
        ("?q=is:unknown", "q:4"), ("?q=from:2016-13", "q:6"),
    ],
)  # fmt: skip
def test_bad_input_is_named(ada: Account, path: str, place: str) -> None:
    """A month that does not exist is no empty month."""
    answer = ada.client.get(f"{TIMELINE}{path}")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["loc"] == place


@pytest.mark.parametrize(
    "taken_at", ["yesterday", "2016-13-01T00:00:00", "2016-03-24T12:00:00Z", "", 3, "24.3.2016"]
)
def test_a_wrong_date_is_refused(ada: Account, image: dict[str, Any], taken_at: object) -> None:
    """An offset would move the picture to another day than the camera showed."""
    answer = ada.client.patch(f"/api/v1/images/{image['id']}", json={"taken_at": taken_at})

    assert assert_problem(answer, 400, "invalid_request")["errors"][0]["loc"] == "taken_at"


def test_a_month_without_images_is_empty(ada: Account) -> None:
    """Also that of a collection that the requester may not see."""
    collection = ada.client.post(
        "/api/v1/collections", json={"title": "x", "visibility": "private"}
    ).json()
    guest = {"collection": "0190c0de-0000-7000-8000-000000000000"}

    for query in (guest, {"collection": collection["id"]}, {"q": "nowhere"}):
        assert ada.client.get(f"{TIMELINE}/1900-01", params=query).json()["ids"] == []
        assert ada.client.get(TIMELINE, params=query).json()["months"] == []


def test_it_needs_a_credential(guarded: Server) -> None:
    """As every list does."""
    stranger = client_of(guarded)

    assert stranger.get(TIMELINE).status_code == 401
    assert stranger.get(MARCH).status_code == 401
