"""Many images at once: updates by id and by search, problems, and the check of digests."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.accounts import Account, make_user
from tests.http.asking import assert_problem, picture
from tests.server import Server

pytestmark = pytest.mark.joint

UPDATE, CHECK = "/api/v1/images/actions/update", "/api/v1/images/actions/check"
NO_ID = "0190c0de-0000-7000-8000-000000000000"


@pytest.fixture(scope="module")
def ada(guarded: Server, admin: Account) -> Account:
    """A user with images."""
    return make_user(guarded, admin, "ada")


@pytest.fixture(scope="module")
def bob(guarded: Server, admin: Account) -> Account:
    """Another user."""
    return make_user(guarded, admin, "bob")


def upload(account: Account, seed: int, **fields: str) -> dict[str, Any]:
    """Upload an image."""
    made = account.client.post(
        "/api/v1/images", files={"file": ("a.jpg", picture(seed, (60, 40)))}, data=fields
    )
    assert made.status_code == 201, made.text
    image: dict[str, Any] = made.json()
    return image


def shown(account: Account, image: dict[str, Any]) -> dict[str, Any]:
    """The image as it is now."""
    found: dict[str, Any] = account.client.get(f"/api/v1/images/{image['id']}").json()
    return found


def update(account: Account, **body: Any) -> dict[str, Any]:
    """An update that must be accepted."""
    answer = account.client.post(UPDATE, json=body)
    assert answer.status_code == 200, answer.text
    result: dict[str, Any] = answer.json()
    return result


def test_images_are_changed_by_their_ids(ada: Account) -> None:
    """All changes at once; a second request changes nothing."""
    images = [upload(ada, seed, tags="old,kept", description="the #sea") for seed in (1, 2)]
    album = ada.client.post("/api/v1/collections", json={"title": "x"}).json()
    body = {
        "ids": [image["id"] for image in images], "add_tags": ["New", "kept"],
        "remove_tags": ["old", "sea"], "visibility": "private", "is_favourite": True,
        "taken_at": "2001-02-03T04:05:06", "title": "T", "collection_id": album["id"],
    }  # fmt: skip

    first, second = update(ada, **body), update(ada, **body)

    assert first == {"changed": 2, "unchanged": 0, "failed": 0, "problems": []}
    assert second == {"changed": 0, "unchanged": 2, "failed": 0, "problems": []}
    for image in images:
        now = shown(ada, image)
        assert set(now["tags"]) == {"kept", "new", "sea"}
        assert (now["visibility"], now["is_favourite"], now["title"]) == ("private", True, "T")
        assert now["exif"]["taken_at"] == "2001-02-03T04:05:06"
        assert now["collection_id"] == album["id"]
    assert ada.client.get(f"/api/v1/collections/{album['id']}").json()["image_count"] == 2
    found = ada.client.get("/api/v1/images", params={"q": "tags:new date:2001 is:favourite"})
    assert len(found.json()["data"]) == 2
    assert len(ada.client.get("/api/v1/timeline/2001-02").json()["ids"]) == 2

    assert update(ada, ids=body["ids"], collection_id=None)["changed"] == 2
    assert ada.client.get(f"/api/v1/collections/{album['id']}").json()["image_count"] == 0


def test_an_image_made_private_is_no_longer_delivered(ada: Account, bob: Account) -> None:
    """Not even from memory, from the response on."""
    image = upload(ada, 3, visibility="public")
    url = f"/images/{image['id']}?w=20"
    for _ in range(3):
        assert bob.client.get(url).status_code == 200

    update(ada, ids=[image["id"]], visibility="private")

    assert bob.client.get(url).status_code == 404


def test_images_that_cannot_be_changed_are_named(ada: Account, bob: Account) -> None:
    """The others are changed."""
    mine, trashed, placed = (upload(ada, seed) for seed in (4, 5, 6))
    hidden, public = upload(bob, 7, visibility="private"), upload(bob, 8, visibility="public")
    albums = [
        ada.client.post("/api/v1/collections", json={"title": title}).json()["id"] for title in "ab"
    ]
    assert update(ada, ids=[placed["id"]], collection_id=albums[0])["changed"] == 1
    ada.client.post("/api/v1/images/actions/trash", json={"ids": [trashed["id"]]})
    ids = [one["id"] for one in (mine, trashed, placed, hidden, public)]

    result = update(ada, ids=[*ids, NO_ID, "nonsense", mine["id"]], collection_id=albums[1])

    assert (result["changed"], result["unchanged"], result["failed"]) == (1, 0, 6)
    assert {entry["id"]: entry["status"] for entry in result["problems"]} == {
        trashed["id"]: 409, placed["id"]: 409, hidden["id"]: 404, public["id"]: 403,
        NO_ID: 404, "nonsense": 404,
    }  # fmt: skip
    assert all(entry["problem"]["status"] == entry["status"] for entry in result["problems"])
    assert shown(ada, mine)["collection_id"] == albums[1]
    assert shown(ada, placed)["collection_id"] == albums[0]
    changeable = ("title", "description", "tags", "visibility", "collection_id", "is_favourite")
    after = shown(bob, public)
    assert {name: after[name] for name in changeable} == {name: public[name] for name in changeable}


def test_a_search_changes_own_images_only(ada: Account, bob: Account) -> None:
    """Those of all pages, though each change takes an image out of the search."""
    mine = [upload(ada, 1, title="heron", tags="wrong") for _ in range(5)]
    theirs = upload(bob, 1, title="heron", tags="wrong", visibility="public")

    result = update(ada, q="heron tags:wrong", remove_tags=["wrong"], add_tags=["right"])

    assert (result["changed"], result["failed"]) == (5, 0)
    assert all(shown(ada, image)["tags"] == ["right"] for image in mine)
    assert shown(bob, theirs)["tags"] == ["wrong"]
    again = update(ada, q="heron tags:wrong OR tags:right", remove_tags=["wrong"])
    assert (again["changed"], again["unchanged"]) == (0, 5)
    assert shown(bob, theirs)["tags"] == ["wrong"]
    none = update(ada, q="", filter={"visibility": "unlisted"}, title="x")
    assert (none["changed"], none["unchanged"]) == (0, 0)


@pytest.mark.breadth
def test_hundreds_of_images_are_changed_in_batches(guarded: Server, admin: Account) -> None:
    """More than one transaction has, along a cursor."""
    eve = make_user(guarded, admin, "eve")
    entries = [("file", (f"{seed}.jpg", picture(1, (8, 8)))) for seed in range(70)]
    for _ in range(3):
        assert eve.client.post("/api/v1/images", files=entries).status_code == 207

    result = update(eve, q="", is_favourite=True)

    assert result["changed"] == 210
    assert eve.client.get("/api/v1/timeline?q=is:favourite").json()["total"] == 210
    assert update(eve, q="is:favourite", is_favourite=False)["changed"] == 210
    assert eve.client.get("/api/v1/timeline?q=is:favourite").json()["total"] == 0


def test_too_many_tags_are_a_problem_of_their_image(ada: Account) -> None:
    """Others may have room for them."""
    full = upload(ada, 9, tags=",".join(f"tag{number}" for number in range(99)))
    empty = upload(ada, 10)

    result = update(ada, ids=[full["id"], empty["id"]], add_tags=["one", "two"])

    assert (result["changed"], result["failed"]) == (1, 1)
    (entry,) = result["problems"]
    assert (entry["id"], entry["status"]) == (full["id"], 400)
    assert entry["problem"]["errors"][0]["loc"] == "add_tags"
    assert len(shown(ada, full)["tags"]) == 99


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "body"), ({"add_tags": ["x"]}, "body"), ({"ids": [], "title": "x"}, "ids"),
        ({"ids": [NO_ID] * 1001, "title": "x"}, "ids"), ({"ids": [NO_ID]}, "body"),
        ({"ids": [NO_ID], "q": "x", "title": "x"}, "body"), ({"ids": NO_ID, "title": "x"}, "ids"),
        ({"ids": [3], "title": "x"}, "ids.0"), ({"ids": [NO_ID], "add_tags": []}, "body"),
        ({"ids": [NO_ID], "filter": {}, "title": "x"}, "body"),
        ({"q": "x", "filter": {"collection": "y"}, "title": "x"}, "filter.collection"),
        ({"q": "x", "filter": {"month": 3}, "title": "x"}, "filter.month"),
        ({"ids": [NO_ID], "favourite": True}, "favourite"),
        ({"ids": [NO_ID], "is_favourite": None}, "is_favourite"),
        ({"ids": [NO_ID], "visibility": "secret"}, "visibility"),
        ({"ids": [NO_ID], "taken_at": "tomorrow"}, "taken_at"),
        ({"ids": [NO_ID], "add_tags": ["x" * 65]}, "add_tags"),
        ({"ids": [NO_ID], "collection_id": "x"}, "collection_id"),
        ({"ids": [NO_ID], "title": "x", "move": True}, "body"),
        ({"ids": [NO_ID], "collection_id": None, "move": True}, "body"),
        ({"ids": [NO_ID], "move": False}, "body"),
        ({"ids": [NO_ID], "collection_id": NO_ID}, "collection_id"),
        ({"q": "date:2016-13", "title": "x"}, "q:6"),
    ],
)  # fmt: skip
def test_bad_updates_are_refused(ada: Account, body: dict[str, Any], place: str) -> None:
    """The problem names the field."""
    answer = ada.client.post(UPDATE, json=body)

    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["loc"] == place


def test_images_leave_another_collection_if_they_may(ada: Account) -> None:
    """In one request; without `move` they stay where they are."""
    places = [
        ada.client.post("/api/v1/collections", json={"title": "x"}).json()["id"] for _ in range(2)
    ]
    image = upload(ada, 13, collection_id=places[0])

    refused = update(ada, ids=[image["id"]], collection_id=places[1])
    moved = update(ada, ids=[image["id"]], collection_id=places[1], move=True)

    assert [entry["status"] for entry in refused["problems"]] == [409]
    assert (moved["changed"], moved["problems"]) == (1, [])
    assert shown(ada, image)["collection_id"] == places[1]
    counts = [ada.client.get(f"/api/v1/collections/{it}").json()["image_count"] for it in places]
    assert counts == [0, 1]


def test_another_users_list_cannot_be_changed(ada: Account, bob: Account) -> None:
    """Nor can another user's collection be filled or emptied."""
    album = bob.client.post("/api/v1/collections", json={"title": "x", "visibility": "private"})
    public = bob.client.post("/api/v1/collections", json={"title": "x", "visibility": "public"})
    mine = upload(ada, 11)
    placed = upload(bob, 12, visibility="public", collection_id=public.json()["id"])
    of_bob = {"q": "", "filter": {"owner": bob.id}, "title": "x"}

    assert_problem(ada.client.post(UPDATE, json=of_bob), 403, "forbidden")
    for collection, status in ((album, 400), (public, 403)):
        body = {"ids": [mine["id"]], "collection_id": collection.json()["id"]}
        assert ada.client.post(UPDATE, json=body).status_code == status
    for collection in (album, public):
        body = {"q": "", "filter": {"collection": collection.json()["id"]}, "title": "stolen"}
        assert update(ada, **body)["changed"] == 0
    assert update(ada, ids=[placed["id"]], collection_id=None)["failed"] == 1
    assert shown(bob, placed)["collection_id"] == public.json()["id"]
    assert shown(bob, placed)["title"] == placed["title"]


def test_the_check_finds_own_files_only(ada: Account, bob: Account, admin: Account) -> None:
    """Those of other users are not confirmed, be they public, nor for admins."""
    mine, theirs = picture(101, (30, 20)), picture(102, (30, 20))
    older, newer = (upload_bytes(ada, mine) for _ in range(2))
    upload_bytes(bob, theirs)
    absent = hashlib.sha256(b"absent").hexdigest()
    digests = [hashlib.sha256(content).hexdigest() for content in (mine, theirs)]
    body = {"sha256": [digests[0].upper(), absent, digests[1], digests[0]]}

    answer = ada.client.post(CHECK, json=body).json()["data"]
    for_admin = admin.client.post(CHECK, json=body).json()["data"]

    none = {"image_id": None, "is_trashed": False}
    own = {"sha256": digests[0], "image_id": newer, "is_trashed": False}
    assert answer == [
        own, {"sha256": absent, **none}, {"sha256": digests[1], **none}, own,
    ]  # fmt: skip
    assert all(entry["image_id"] is None for entry in for_admin)

    trash = "/api/v1/images/actions/trash"
    ada.client.post(trash, json={"ids": [newer]})
    (found,) = ada.client.post(CHECK, json={"sha256": digests[:1]}).json()["data"]
    assert (found["image_id"], found["is_trashed"]) == (older, False)
    ada.client.post(trash, json={"ids": [older]})
    (found,) = ada.client.post(CHECK, json={"sha256": digests[:1]}).json()["data"]
    assert (found["image_id"], found["is_trashed"]) == (newer, True)


def upload_bytes(account: Account, content: bytes) -> str:
    """Upload a file; returns the id of its image."""
    made = account.client.post("/api/v1/images", files={"file": ("a.jpg", content)})
    image_id: str = made.json()["id"]
    return image_id


@pytest.mark.parametrize(
    ("digests", "place"),
    [
        ([], "sha256"), (["a" * 64] * 1001, "sha256"), (["a" * 63], "sha256.0"),
        (["a" * 64, "g" * 64], "sha256.1"), (["a" * 64 + "\n"], "sha256.0"), ("a" * 64, "sha256"),
    ],
)  # fmt: skip
def test_bad_digests_are_refused(ada: Account, digests: object, place: str) -> None:
    """A thousand fit into a body."""
    answer = ada.client.post(CHECK, json={"sha256": digests})

    assert assert_problem(answer, 400, "invalid_request")["errors"][0]["loc"] == place
    full = ada.client.post(CHECK, json={"sha256": ["a" * 64] * 1000})
    assert len(full.json()["data"]) == 1000
