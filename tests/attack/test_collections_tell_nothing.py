"""Collections reveal to other users neither their private images nor private collections."""

from __future__ import annotations

from typing import Any

from tests.http.conftest import people  # noqa: F401  # a fixture
from tests.http.people import People, upload
from tests.http.test_collections import URL, listed, made_by, members, refs


def shown(people: People, collection: dict[str, Any]) -> list[Any]:  # noqa: F811
    """All that other users see of a collection: the collection, the list, and its images."""
    one = people.bob.get(f"{URL}/{collection['id']}")
    (entry,) = (
        item for item in people.bob.get(URL).json()["data"] if item["id"] == collection["id"]
    )
    images = people.bob.get(members(collection))
    return [one.json(), one.headers["etag"], entry, images.json(), images.headers.get("link")]


def test_a_collection_does_not_reveal_private_images(people: People) -> None:  # noqa: F811
    """Other users see the same collection with and without a private image.

    Its owner sees the number.
    """
    collection = made_by(people.ann, visibility="public")
    without = shown(people, collection)

    inside = upload(people.ann, 1, visibility="private", collection_id=collection["id"])
    assert shown(people, collection) == without
    counted = people.ann.get(f"{URL}/{collection['id']}").json()["image_count"]
    assert counted == 1

    outside = upload(people.ann, 2, visibility="private")
    people.ann.post(members(collection), json=refs(outside["id"])).raise_for_status()
    assert shown(people, collection) == without

    assert people.ann.delete(f"/api/v1/images/{inside['id']}").status_code == 204
    assert shown(people, collection) == without


def test_an_image_does_not_reveal_a_private_collection(people: People) -> None:  # noqa: F811
    """A public image names the collection only to its owner; others cannot find the image by it."""
    collection = made_by(people.ann, visibility="private")
    image = upload(people.ann, 3, visibility="public", collection_id=collection["id"])
    path, found_by = f"/api/v1/images/{image['id']}", {"collection": collection["id"]}

    assert people.bob.get(path).json()["collection_id"] is None
    assert listed(people.bob.get("/api/v1/images", params=found_by)) == []
    for client in (people.ann, people.admin):
        assert client.get(path).json()["collection_id"] == collection["id"]
        assert listed(client.get("/api/v1/images", params=found_by)) == [image["id"]]


def test_a_public_collection_is_still_a_filter(people: People) -> None:  # noqa: F811
    """Other users find the images that they may see."""
    collection = made_by(people.ann, visibility="public")
    image = upload(people.ann, 4, visibility="public", collection_id=collection["id"])
    upload(people.ann, 5, visibility="private", collection_id=collection["id"])

    answer = people.bob.get("/api/v1/images", params={"collection": collection["id"]})

    assert listed(answer) == [image["id"]]
