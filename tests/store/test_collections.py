"""Collections in the database: counts, and races."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from imagesvc.errors import Conflict, InvalidRequest, NotFound, PreconditionFailed
from imagesvc.model.ids import CollectionId, ImageId, new_id
from imagesvc.model.images import Image, Viewer, Visibility
from imagesvc.store.collections import CollectionStore
from imagesvc.store.db.database import Database
from imagesvc.store.images import ImageStore
from tests.store.rows import NOON, add_user, collection, image_and_job

pytestmark = pytest.mark.anyio


class Shelf:
    """The stores of images and collections of one database."""

    def __init__(self, database: Database) -> None:
        self.images = ImageStore(database)
        self.collections = CollectionStore(database)

    async def image(self, **given: Any) -> Image:
        """An existing image."""
        image, job = image_and_job(**given)
        await self.images.add(image, job)
        return image

    async def collection(self, **given: Any) -> CollectionId:
        """The id of an existing collection."""
        made = collection(**given)
        await self.collections.add(made)
        return made.id

    async def count(self, collection_id: CollectionId) -> int:
        """The number of images according to the collection."""
        return (await self.collections.get(collection_id)).image_count


@pytest.fixture
def shelf(database: Database) -> Shelf:
    """An empty database's stores."""
    return Shelf(database)


async def outcomes(*works: Coroutine[Any, Any, object]) -> list[object]:
    """The results of works that were started at the same time: values and errors."""
    return await asyncio.gather(*works, return_exceptions=True)


async def test_of_two_adds_of_one_image_to_two_collections_one_conflicts(shelf: Shelf) -> None:
    """An image is in one collection; the failed add must not be counted."""
    image = await shelf.image()
    first, second = await shelf.collection(), await shelf.collection()

    came = await outcomes(
        *(shelf.collections.put_in(place, [image.id], now=NOON) for place in (first, second))
    )

    assert [type(item) for item in came].count(Conflict) == 1
    winner = (await shelf.images.get(image.id)).collection_id
    assert {place: await shelf.count(place) for place in (first, second)} == {
        place: int(place == winner) for place in (first, second)
    }


async def test_of_two_edits_of_one_version_one_fails(shelf: Shelf) -> None:
    """Both read version 1; the second must not overwrite a version that it has not seen."""
    place = await shelf.collection()

    came = await outcomes(
        *(
            shelf.collections.edit(
                place, lambda old, t=title: replace(old, title=t),  # type: ignore[misc]
                expected=frozenset({1}), now=NOON,
            )
            for title in ("Sea", "Sky")
        )
    )  # fmt: skip

    assert [type(item) for item in came].count(PreconditionFailed) == 1
    assert (await shelf.collections.get(place)).version == 2


async def test_an_edit_that_changes_nothing_makes_no_version(shelf: Shelf) -> None:
    """Saving without changes affects no other editor."""
    place = await shelf.collection()

    same = await shelf.collections.edit(place, lambda old: old, expected=None, now=NOON)

    assert same.version == 1


@pytest.mark.parametrize("missing", [0, 1, 2])
async def test_a_missing_image_means_none_is_added(shelf: Shelf, missing: int) -> None:
    """All or none are added, for every position of the missing one, which the error names."""
    ids = [(await shelf.image()).id for _ in range(3)]
    ids[missing] = ImageId(new_id())
    place = await shelf.collection()

    with pytest.raises(NotFound) as caught:
        await shelf.collections.put_in(place, ids, now=NOON)

    assert caught.value.fields == ((f"data.{missing}.id", "names no image"),)
    assert await shelf.count(place) == 0


async def test_one_image_of_another_collection_means_none_is_added(shelf: Shelf) -> None:
    """All or none also applies to conflicts."""
    ids = [(await shelf.image()).id for _ in range(3)]
    other, place = await shelf.collection(), await shelf.collection()
    await shelf.collections.put_in(other, ids[1:2], now=NOON)

    with pytest.raises(Conflict):
        await shelf.collections.put_in(place, ids, now=NOON)

    assert [await shelf.count(item) for item in (other, place)] == [1, 0]
    assert (await shelf.images.get(ids[0])).collection_id is None


async def test_putting_in_and_taking_out_twice_counts_once(shelf: Shelf) -> None:
    """Both can be repeated when a response was lost; an image named twice counts once."""
    image = await shelf.image()
    place = await shelf.collection()

    for _ in range(2):
        await shelf.collections.put_in(place, [image.id, image.id], now=NOON)
    full = await shelf.count(place)
    for _ in range(2):
        await shelf.collections.take_out(place, [image.id, image.id], now=NOON)

    assert (full, await shelf.count(place)) == (1, 0)


async def test_a_deleted_image_is_not_counted_any_more(shelf: Shelf) -> None:
    """The collection is then empty and can be deleted."""
    image = await shelf.image()
    place = await shelf.collection()
    await shelf.collections.put_in(place, [image.id], now=NOON)
    with pytest.raises(Conflict):
        await shelf.collections.remove(place)

    await shelf.images.remove(image.id, now=NOON)

    await shelf.collections.remove(place)
    with pytest.raises(NotFound):
        await shelf.collections.get(place)


async def test_an_image_added_with_its_collection_is_counted(shelf: Shelf) -> None:
    """One transaction contains the row and the count."""
    place = await shelf.collection()

    await shelf.image(collection_id=place)

    assert await shelf.count(place) == 1


async def test_an_image_for_a_deleted_collection_is_not_added(shelf: Shelf) -> None:
    """The collection was deleted during the upload."""
    image, job = image_and_job(collection_id=CollectionId(new_id()))

    with pytest.raises(InvalidRequest):
        await shelf.images.add(image, job)

    with pytest.raises(NotFound):
        await shelf.images.get(image.id)


async def test_a_list_shows_own_and_public_collections_page_by_page(
    shelf: Shelf, database: Database
) -> None:
    """Each is listed once, the newest first, in any mixture; private ones of others never."""
    me, other = await add_user(database, "me"), await add_user(database, "other")
    visible = []
    for number in range(12):
        owner = me if number % 3 else other
        visibility = list(Visibility)[number % 4 % 3]
        made = await shelf.collection(owner_id=owner, visibility=visibility)
        if owner == me or visibility is Visibility.PUBLIC:
            visible.append(made)

    listed: list[CollectionId] = []
    after: UUID | None = None
    while True:
        found, after = await shelf.collections.page(Viewer(me), limit=3, after=after)
        listed += [item.id for item in found]
        if after is None:
            break

    assert listed == visible[::-1]


async def test_an_admin_sees_every_collection(shelf: Shelf, database: Database) -> None:
    """Admins must be able to manage them."""
    other = await add_user(database, "other")
    made = await shelf.collection(owner_id=other, visibility=Visibility.PRIVATE)

    found, _after = await shelf.collections.page(Viewer(None, sees_all=True), limit=3, after=None)

    assert [item.id for item in found] == [made]
