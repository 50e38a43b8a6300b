"""Collections over HTTP."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.http.asking import assert_problem, images_count, orphans, picture
from tests.http.people import People, upload
from tests.server import Server

pytestmark = pytest.mark.joint

URL = "/api/v1/collections"
NO_ID = "01890000-0000-7000-8000-000000000000"


def made(server: Server, **fields: str) -> dict[str, Any]:
    """A new collection."""
    return made_by(server.client, **fields)


def made_by(client: httpx2.Client, **fields: str) -> dict[str, Any]:
    """A new collection of a user."""
    answer = client.post(URL, json={"title": "Summer", **fields})
    assert answer.status_code == 201, answer.text
    collection: dict[str, Any] = answer.json()
    return collection


def refs(*ids: str) -> dict[str, Any]:
    """A body that names images."""
    return {"data": [{"type": "images", "id": image_id} for image_id in ids]}


def members(collection: dict[str, Any]) -> str:
    """The URL of a collection's images."""
    url: str = collection["links"]["images"]
    return url


def listed(answer: httpx2.Response) -> list[str]:
    """The ids on a page."""
    return [item["id"] for item in answer.json()["data"]]


def test_a_collection_is_made_and_read(server: Server) -> None:
    """The response has the given fields, with an id, a URL and a version."""
    answer = server.client.post(
        URL, json={"title": "Sea", "description": "Far out", "visibility": "unlisted"}
    )

    assert answer.status_code == 201
    collection = answer.json()
    assert answer.headers["location"] == f"{URL}/{collection['id']}"
    assert answer.headers["etag"] == '"1"'
    assert (collection["title"], collection["description"]) == ("Sea", "Far out")
    assert (collection["visibility"], collection["image_count"]) == ("unlisted", 0)
    shown = server.client.get(answer.headers["location"])
    assert shown.json() == collection
    assert shown.headers["etag"] == '"1"'


def test_collections_are_listed_page_by_page(server: Server) -> None:
    """The newest is first; the Link header has the next page."""
    ids = [made(server)["id"] for _ in range(5)]

    seen: list[str] = []
    url: str | None = f"{URL}?limit=2"
    while url and len(seen) < 5:
        answer = server.client.get(url)
        seen += listed(answer)
        url = answer.links.get("next", {}).get("url")

    assert seen[:5] == ids[::-1]


@pytest.mark.parametrize("media_type", ["application/json", "application/merge-patch+json"])
def test_a_patch_changes_what_it_names(server: Server, media_type: str) -> None:
    """Absent members stay, null removes (RFC 7396), and the version is new."""
    collection = made(server, description="Old")
    url = f"{URL}/{collection['id']}"
    headers = {"content-type": media_type, "if-match": '"1"'}

    renamed = server.client.patch(url, content='{"title": "New"}', headers=headers)
    emptied = server.client.patch(url, content='{"description": null}')

    assert (renamed.json()["title"], renamed.json()["description"]) == ("New", "Old")
    assert renamed.headers["etag"] == '"2"'
    assert emptied.status_code == 415  # nobody said what it is
    emptied = server.client.patch(url, json={"description": None})
    assert (emptied.json()["title"], emptied.json()["description"]) == ("New", "")
    assert server.client.get(url).json() == emptied.json()


def test_a_patch_of_an_older_version_is_refused(server: Server) -> None:
    """The other editor's change stays, and the response has the current version."""
    url = f"{URL}/{made(server)['id']}"
    server.client.patch(url, json={"title": "Theirs"}, headers={"if-match": '"1"'})

    answer = server.client.patch(url, json={"title": "Mine"}, headers={"if-match": '"1"'})

    document = assert_problem(answer, 412, "precondition_failed")
    assert '"2"' in document["errors"][0]["msg"]
    assert server.client.get(url).json()["title"] == "Theirs"


@pytest.mark.parametrize("tag", ['W/"1"', '"abc"', "1", '"01"', ""])
def test_an_if_match_that_names_no_version_matches_none(server: Server, tag: str) -> None:
    """Strong comparison (RFC 9110, section 13.1.1)."""
    url = f"{URL}/{made(server)['id']}"

    answer = server.client.patch(url, json={"title": "Mine"}, headers={"if-match": tag})

    assert_problem(answer, 412, "precondition_failed")


@pytest.mark.parametrize("tag", ["*", '"1"', '"7", "1"'])
def test_an_if_match_that_names_the_version_matches(server: Server, tag: str) -> None:
    """One of a list is enough, and a star matches every version."""
    url = f"{URL}/{made(server)['id']}"

    assert server.client.patch(url, json={}, headers={"if-match": tag}).status_code == 200


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        ("{}", "title"),
        ('{"title": ""}', "title"),
        ('{"title": null}', "title"),
        ('{"title": "a", "visibility": "secret"}', "visibility"),
        ('{"title": "a", "colour": "red"}', "colour"),
        ('{"title": "a", "title": "b"}', "title"),
        ('{"title": "a\\u0000"}', "title"),
        ('{"title": "\\ud800"}', "title"),
        ('{"title": "%s"}' % ("x" * 1001), "title"),
        ("[]", "body"),
        ("{", "body"),
        ("", "body"),
    ],
)
def test_a_body_that_breaks_the_rules_is_refused(server: Server, body: str, loc: str) -> None:
    """The error names the invalid field."""
    answer = server.client.post(URL, content=body, headers={"content-type": "application/json"})

    document = assert_problem(answer, 400, "invalid_request")
    assert document["errors"][0]["loc"] == loc


@pytest.mark.parametrize("field", ["title", "visibility"])
def test_required_members_cannot_be_null(server: Server, field: str) -> None:
    """A collection always has a title and a visibility."""
    answer = server.client.patch(f"{URL}/{made(server)['id']}", json={field: None})

    assert_problem(answer, 400, "invalid_request")


def test_a_body_without_end_is_refused(server: Server) -> None:
    """JSON is read into memory, so it is bounded."""
    answer = server.client.post(URL, json={"title": "x" * 70_000})

    assert_problem(answer, 413, "file_too_large")


def test_images_are_added_listed_and_removed(server: Server) -> None:
    """Each image names its collection; the collection has the number of its images."""
    collection = made(server)
    ids = [server.upload(picture(seed))["id"] for seed in (1, 2, 3)]

    put = server.client.post(members(collection), json=refs(*ids))

    assert put.status_code == 204
    assert listed(server.client.get(members(collection))) == ids[::-1]
    assert server.client.get(f"{URL}/{collection['id']}").json()["image_count"] == 3
    assert server.client.get(f"/api/v1/images/{ids[0]}").json()["collection_id"] == collection["id"]
    page = server.client.get(f"{members(collection)}?limit=2")
    assert listed(server.client.get(page.links["next"]["url"])) == ids[:1]

    taken = server.client.request("DELETE", members(collection), json=refs(ids[1]))

    assert taken.status_code == 204
    assert listed(server.client.get(members(collection))) == [ids[2], ids[0]]
    assert server.client.get(f"/api/v1/images/{ids[1]}").json()["collection_id"] is None


def test_an_image_of_another_collection_is_a_conflict(server: Server) -> None:
    """No part of the request is done; the error names the image."""
    first, second = made(server), made(server)
    ids = [server.upload(picture(seed))["id"] for seed in (1, 2)]
    server.client.post(members(first), json=refs(ids[1]))

    answer = server.client.post(members(second), json=refs(*ids))

    document = assert_problem(answer, 409, "conflict")
    assert [fault["loc"] for fault in document["errors"]] == ["data.1.id"]
    assert listed(server.client.get(members(second))) == []


def test_images_leave_another_collection_if_they_may(server: Server) -> None:
    """In one request, with those that are in none or in the same; both collections are counted."""
    first, second = made(server), made(server)
    ids = [server.upload(picture(seed))["id"] for seed in (1, 2, 3)]
    server.client.post(members(first), json=refs(*ids[:2]))
    server.client.post(members(second), json=refs(ids[2]))

    moved = server.client.post(members(second), json={**refs(*ids[1:]), "move": True})

    assert moved.status_code == 204, moved.text
    assert listed(server.client.get(members(first))) == [ids[0]]
    assert listed(server.client.get(members(second))) == [ids[2], ids[1]]
    counts = [
        server.client.get(f"{URL}/{it['id']}").json()["image_count"] for it in (first, second)
    ]
    assert counts == [1, 2]


def test_a_cover_is_an_image_of_the_collection(people: People) -> None:
    """Only its owner is shown it; it is null once the image is in the trash or elsewhere."""
    collection = made_by(people.ann, visibility="public")
    url = f"{URL}/{collection['id']}"
    inside, outside = (upload(people.ann, number) for number in (31, 32))
    body = refs(inside["id"])
    assert people.ann.post(members(collection), json=body).status_code == 204
    for wrong in (outside["id"], NO_ID):
        answer = people.ann.patch(url, json={"cover_image_id": wrong})
        problem = assert_problem(answer, 400, "invalid_request")
        assert [one["loc"] for one in problem["errors"]] == ["cover_image_id"]
    assert collection["cover_image_id"] is None

    chosen = people.ann.patch(url, json={"cover_image_id": inside["id"]})

    assert chosen.json()["cover_image_id"] == inside["id"]
    assert chosen.headers["etag"] == '"2"'
    assert people.bob.get(url).json()["cover_image_id"] is None
    actions = "/api/v1/images/actions"
    for action, expected in (("trash", None), ("restore", inside["id"])):
        done = people.ann.post(f"{actions}/{action}", json={"ids": [inside["id"]]})
        assert done.status_code == 207
        assert people.ann.get(url).json()["cover_image_id"] == expected
        listing = {one["id"]: one for one in people.ann.get(URL).json()["data"]}
        assert listing[collection["id"]]["cover_image_id"] == expected
    assert people.ann.request("DELETE", members(collection), json=body).status_code == 204
    assert people.ann.get(url).json()["cover_image_id"] is None
    edited = people.ann.patch(url, json={"title": "Autumn"}).json()
    assert (edited["title"], edited["cover_image_id"]) == ("Autumn", None)


@pytest.mark.parametrize("missing", [NO_ID, "nonsense", NO_ID.upper(), ""])
@pytest.mark.parametrize("method", ["POST", "DELETE"])
def test_an_image_that_is_not_there_leaves_all_as_it_is(
    server: Server, method: str, missing: str
) -> None:
    """All or none are added, also for malformed ids."""
    collection = made(server)
    image_id = server.upload(picture())["id"]
    if method == "DELETE":
        server.client.post(members(collection), json=refs(image_id))

    answer = server.client.request(method, members(collection), json=refs(image_id, missing))

    document = assert_problem(answer, 404, "not_found")
    assert document["errors"] == [{"loc": "data.1.id", "msg": "names no image"}]
    assert len(listed(server.client.get(members(collection)))) == (method == "DELETE")


@pytest.mark.parametrize(
    "body", [{}, {"data": []}, {"data": [{"type": "people", "id": NO_ID}]}, {"data": {}},
             {"data": [{"id": NO_ID}]}, refs(*[NO_ID] * 201)],
)  # fmt: skip
def test_an_invalid_list_of_images_is_refused(server: Server, body: dict[str, Any]) -> None:
    """The limit is 1 to 200 resource identifiers of JSON:API."""
    answer = server.client.post(members(made(server)), json=body)

    assert_problem(answer, 400, "invalid_request")


@pytest.mark.parametrize("collection_id", [NO_ID, "nonsense"])
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_a_collection_that_is_not_there_is_not_found(
    server: Server, method: str, collection_id: str
) -> None:
    """The same holds for a malformed id."""
    answer = server.client.request(method, f"{URL}/{collection_id}", json={"title": "a"})

    assert_problem(answer, 404, "not_found")


def test_only_an_empty_collection_is_deleted(server: Server) -> None:
    """One request must not lose the order of a thousand images."""
    collection = made(server)
    url = f"{URL}/{collection['id']}"
    image_id = server.upload(picture())["id"]
    server.client.post(members(collection), json=refs(image_id))

    assert_problem(server.client.delete(url), 409, "conflict")
    assert server.client.delete(f"/api/v1/images/{image_id}").status_code == 204

    assert server.client.get(url).json()["image_count"] == 0
    assert server.client.delete(url).status_code == 204
    assert_problem(server.client.get(url), 404, "not_found")


def test_an_upload_goes_into_its_collection(server: Server) -> None:
    """The collection is a field of a form, or a parameter of the query."""
    collection = made(server)

    by_form = server.upload(picture(1), collection_id=collection["id"])
    by_query = server.client.post(
        "/api/v1/images", params={"collection_id": collection["id"]}, content=picture(2)
    ).json()

    assert by_form["collection_id"] == by_query["collection_id"] == collection["id"]
    assert listed(server.client.get(members(collection))) == [by_query["id"], by_form["id"]]


@pytest.mark.parametrize("collection_id", [NO_ID, "nonsense"])
def test_an_upload_into_no_collection_keeps_nothing(server: Server, collection_id: str) -> None:
    """The uploader would expect the image in the collection.

    No image is better than a hidden one.
    """
    before, blobs = images_count(server), server.blobs()

    answer = server.client.post(
        "/api/v1/images", files={"file": picture(77)}, data={"collection_id": collection_id}
    )

    document = assert_problem(answer, 400, "invalid_request")
    assert document["errors"][0]["loc"] == "collection_id"
    assert (images_count(server), server.blobs()) == (before, blobs)
    assert orphans(server) == []


def test_collections_of_other_users_cannot_be_changed(people: People) -> None:
    """Public ones can be seen but not changed, private ones do not exist."""
    bobs = upload(people.bob)
    for visibility, seen, touched, sent in (("private", 404, 404, 400), ("public", 200, 403, 403)):
        collection = made_by(people.ann, visibility=visibility)
        url, fields = f"{URL}/{collection['id']}", {"collection_id": collection["id"]}

        for path in (url, members(collection)):
            assert people.bob.get(path).status_code == seen
        assert people.bob.patch(url, json={"title": "z"}).status_code == touched
        assert people.bob.delete(url).status_code == touched
        put = people.bob.post(members(collection), json=refs(bobs["id"]))
        assert put.status_code == touched
        answer = people.bob.post("/api/v1/images", files={"f": picture(9)}, data=fields)
        assert answer.status_code == sent


@pytest.mark.parametrize(("visibility", "status"), [("private", 404), ("public", 403)])
def test_images_of_other_users_cannot_be_added(
    people: People, visibility: str, status: int
) -> None:
    """Other users cannot add them to a collection, even together with their own images."""
    own, bobs = made_by(people.bob), upload(people.bob)
    anns = upload(people.ann, 1, visibility=visibility)

    answer = people.bob.post(members(own), json=refs(bobs["id"], anns["id"]))

    assert answer.status_code == status
    assert listed(people.bob.get(members(own))) == []


def test_a_list_shows_own_collections_and_public_ones(people: People) -> None:
    """For admins it shows all collections."""
    ids = {
        visibility: made_by(people.ann, visibility=visibility)["id"]
        for visibility in ("public", "unlisted", "private")
    }

    to_ann, to_bob, to_admin = (
        set(listed(client.get(URL))) & set(ids.values())
        for client in (people.ann, people.bob, people.admin)
    )

    assert to_ann == to_admin == set(ids.values())
    assert to_bob == {ids["public"]}


@pytest.mark.parametrize(
    ("visibility", "seen"), [("public", {"public"}), ("unlisted", {"public", "unlisted"})]
)
def test_other_users_see_only_permitted_images_of_a_collection(
    people: People, visibility: str, seen: set[str]
) -> None:
    """A public collection reveals neither private nor unlisted images."""
    collection = made_by(people.ann, visibility=visibility)
    for seed, kind in enumerate(("public", "unlisted", "private")):
        upload(people.ann, seed, visibility=kind, collection_id=collection["id"])

    to_bob = people.bob.get(members(collection)).json()["data"]
    to_ann = people.ann.get(members(collection)).json()["data"]

    assert {image["visibility"] for image in to_bob} == seen
    assert {image["visibility"] for image in to_ann} == {"public", "unlisted", "private"}
