"""The trash in the database: lists, searches, collections, quotas, and races."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from imagesvc.errors import Conflict, InvalidQuery, NotFound
from imagesvc.model.ids import ImageId, UserId
from imagesvc.model.images import Analysis, Image, Viewer, Visibility
from imagesvc.model.trash import InTrash
from imagesvc.store.collections import CollectionStore
from imagesvc.store.db.database import Database
from imagesvc.store.images import ImageStore
from imagesvc.store.originals import record_analysis
from imagesvc.store.removal.trash import TrashStore
from imagesvc.store.search.listing import ImageFilter, Order, Sort
from imagesvc.store.search.parser import parse
from imagesvc.store.search.search import ImageSearch
from tests.breadth import represented
from tests.store.rows import NOON, add_user, collection, image_and_job

pytestmark = pytest.mark.anyio
EVERYONE = Viewer(None, sees_all=True)
BLUE = Analysis("#2f6b9a", ("#2f6b9a",), "", "00ff00ff00ff00ff")
FOX = {"title": "fox", "tags": ("fox",)}


class Setting:
    """The stores of one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.images = ImageStore(database)
        self.trash = TrashStore(database)
        self.collections = CollectionStore(database)
        self.search = ImageSearch(database)

    async def image(self, **given: Any) -> Image:
        """An existing image, analysed."""
        image, job = image_and_job(**given)
        await self.images.add(image, job)
        await self.analyse(image)
        return image

    async def analyse(self, image: Image) -> None:
        """Record the results of the image's job."""
        digest = image.original.digest
        await self.database.write(lambda c: record_analysis(c, image.id, digest, BLUE))

    async def found(
        self, q: str = "", *, sort: Sort | None = None, viewer: Viewer = EVERYONE, **filters: Any
    ) -> list[ImageId]:
        """The images of a list, in order; its total must agree."""
        query = parse(q)
        wanted = ImageFilter(viewer, query, **filters)
        order = Order.default_for(query, sort, is_descending=None)
        page = await self.search.page(wanted, order, limit=100)
        assert (await self.search.total(wanted, order)).count == len(page.images)
        return [image.id for image in page.images]

    async def trashed(self, **filters: Any) -> list[ImageId]:
        """The list of the trash."""
        return await self.found(sort=Sort.TRASHED, is_trash=True, **filters)


@pytest.fixture
def setting(database: Database) -> Setting:
    """An empty database's stores."""
    return Setting(database)


LISTS = [
    "",
    "fox",
    "tags:fox",
    "color:#2f6b9a",
    "color:blue",
    "width:4",
    "-cat",
    "date:2026",
    "format:jpeg",
]


@pytest.mark.parametrize(
    "sort", represented([None, Sort.CREATED, Sort.TAKEN, Sort.SIZE, Sort.NAME], None, Sort.TAKEN)
)
async def test_no_list_shows_what_is_in_the_trash(setting: Setting, sort: Sort | None) -> None:
    """For every index, and again as before once the image is restored."""
    kept, trashed = await setting.image(**FOX), await setting.image(**FOX)
    before = {q: await setting.found(q, sort=sort) for q in LISTS}
    assert all(set(ids) == {kept.id, trashed.id} for ids in before.values())

    await setting.trash.put_in([trashed.id], now=NOON)

    assert {q: await setting.found(q, sort=sort) for q in LISTS} == {q: [kept.id] for q in LISTS}
    assert await setting.trashed() == [trashed.id]
    await setting.trash.restore([trashed.id], now=NOON)
    assert {q: await setting.found(q, sort=sort) for q in LISTS} == before
    assert await setting.trashed() == []


async def test_an_analysis_does_not_bring_an_image_out_of_the_trash(setting: Setting) -> None:
    """Its job may end there; the trigger for colours must not index it."""
    image, job = image_and_job(**FOX)
    await setting.images.add(image, job)
    await setting.trash.put_in([image.id], now=NOON)

    await setting.analyse(image)

    assert await setting.found("color:#2f6b9a") == await setting.found("fox") == []
    await setting.trash.restore([image.id], now=NOON)
    assert await setting.found("color:#2f6b9a") == [image.id]


async def test_similar_images_are_neither_found_in_the_trash_nor_looked_for_from_there(
    setting: Setting,
) -> None:
    """Perceptual hashes belong to originals, which stay."""
    model, similar = await setting.image(), await setting.image()
    assert await setting.found(f"similar:{model.id}") == [similar.id]

    await setting.trash.put_in([similar.id], now=NOON)

    assert await setting.found(f"similar:{model.id}") == []
    with pytest.raises(InvalidQuery, match="there is no image"):
        await setting.found(f"similar:{similar.id}")


async def test_the_trash_is_listed_by_the_time_of_trashing(setting: Setting) -> None:
    """Those first that were put there last, page by page."""
    ids = [(await setting.image()).id for _ in range(5)]
    order = [3, 0, 4, 1, 2]
    for minute, place in enumerate(order):
        await setting.trash.put_in([ids[place]], now=NOON + timedelta(minutes=minute))

    wanted = ImageFilter(EVERYONE, is_trash=True)
    by_time, seen, after = Order(Sort.TRASHED, is_descending=True), [], None
    while True:
        page = await setting.search.page(wanted, by_time, limit=2, after=after)
        seen += [image.id for image in page.images]
        after = page.next_after
        if after is None:
            break

    assert seen == [ids[place] for place in reversed(order)]


async def test_users_see_their_own_trash_only(setting: Setting) -> None:
    """Public images of others are in no list of a trash; an admin sees all."""
    ann, bob = [await add_user(setting.database, name) for name in ("ann", "bob")]
    images = [
        await setting.image(owner_id=owner, visibility=visibility)
        for owner in (ann, bob, None)
        for visibility in Visibility
    ]
    await setting.trash.put_in([image.id for image in images], now=NOON)

    of_ann = await setting.trashed(viewer=Viewer(ann))

    assert set(of_ann) == {image.id for image in images if image.owner_id == ann}
    assert await setting.trashed(viewer=Viewer(None)) == []
    assert len(await setting.trashed()) == 9
    assert set(await setting.trash.of_owner(bob)) == {
        image.id for image in images if image.owner_id == bob
    }
    assert len(await setting.trash.of_owner(None)) == 9


async def count(setting: Setting, place: Any) -> tuple[int, int]:
    """The number of images according to a collection, and the number in its list."""
    inside = await setting.images.in_collection(place, frozenset(Visibility), limit=9, after=None)
    return (await setting.collections.get(place)).image_count, len(inside.items)


async def test_collections_do_not_count_what_is_in_the_trash(setting: Setting) -> None:
    """Each image is counted once, however often it is put into the trash, restored or deleted."""
    place = collection()
    await setting.collections.add(place)
    first, second = [(await setting.image(collection_id=place.id)).id for _ in range(2)]
    assert await count(setting, place.id) == (2, 2)

    for _ in range(2):
        await setting.trash.put_in([first, first], now=NOON)
        assert await count(setting, place.id) == (1, 1)
    for _ in range(2):
        await setting.trash.restore([first, second, first], now=NOON)
        assert await count(setting, place.id) == (2, 2)
    await setting.trash.put_in([first], now=NOON)
    await setting.images.remove(first, now=NOON)

    assert await count(setting, place.id) == (1, 1)
    assert (await setting.images.get(second)).collection_id == place.id


async def test_an_image_is_restored_without_its_deleted_collection(setting: Setting) -> None:
    """A collection whose images are all in the trash is empty, and can be deleted."""
    place, other = collection(), collection()
    await setting.collections.add(place)
    await setting.collections.add(other)
    gone, kept = [await setting.image(collection_id=it.id) for it in (place, other)]
    await setting.trash.put_in([gone.id, kept.id], now=NOON)

    await setting.collections.remove(place.id)
    await setting.trash.restore([gone.id, kept.id], now=NOON)

    assert (await setting.images.get(gone.id)).collection_id is None
    assert (await setting.images.get(kept.id)).collection_id == other.id
    assert await count(setting, other.id) == (1, 1)


async def test_a_collection_that_cannot_be_deleted_keeps_its_images_in_the_trash(
    setting: Setting,
) -> None:
    """The refusal rolls back that they lose their collection."""
    place = collection()
    await setting.collections.add(place)
    trashed, _other = [await setting.image(collection_id=place.id) for _ in range(2)]
    await setting.trash.put_in([trashed.id], now=NOON)

    with pytest.raises(Conflict):
        await setting.collections.remove(place.id)

    assert (await setting.images.get(trashed.id)).collection_id == place.id


async def test_an_image_in_the_trash_is_not_put_into_a_collection_nor_taken_out(
    setting: Setting,
) -> None:
    """It would be counted although it is not listed."""
    place = collection()
    await setting.collections.add(place)
    outside, inside = await setting.image(), await setting.image(collection_id=place.id)
    await setting.trash.put_in([outside.id, inside.id], now=NOON)

    for move, image in (
        (setting.collections.put_in, outside),
        (setting.collections.take_out, inside),
    ):
        with pytest.raises(NotFound):
            await move(place.id, [image.id], now=NOON)

    assert await count(setting, place.id) == (0, 0)
    assert (await setting.images.get(inside.id)).collection_id == place.id


async def test_a_quota_counts_the_trash_until_it_is_emptied(setting: Setting) -> None:
    """Otherwise the trash would be storage without a limit."""
    ann = UserId(await add_user(setting.database, "ann"))
    image = await setting.image(owner_id=ann)

    await setting.trash.put_in([image.id], now=NOON)
    assert (await setting.images.usage(ann)).images == 1
    await setting.images.remove(image.id, now=NOON, only_if=InTrash())

    assert (await setting.images.usage(ann)).images == 0


async def test_a_restored_image_is_not_deleted_with_the_trash(setting: Setting) -> None:
    """It was chosen for deletion, and is restored before its row is deleted."""
    image = await setting.image()
    await setting.trash.put_in([image.id], now=NOON)
    due = InTrash(before=NOON)
    assert await setting.trash.due(due, 10) == [image.id]

    await setting.trash.restore([image.id], now=NOON)

    for condition in (due, InTrash()):
        with pytest.raises(NotFound):
            await setting.images.remove(image.id, now=NOON, only_if=condition)
    assert (await setting.images.get(image.id)).trashed_at is None


async def test_trashed_again_an_image_waits_again(setting: Setting) -> None:
    """The time counts from when it was put into the trash last."""
    image = await setting.image()
    await setting.trash.put_in([image.id], now=NOON)
    await setting.trash.restore([image.id], now=NOON)
    await setting.trash.put_in([image.id], now=NOON + timedelta(days=2))

    assert await setting.trash.count_due(InTrash(before=NOON + timedelta(days=1))) == 0
    assert await setting.trash.count_due(InTrash(before=NOON + timedelta(days=2))) == 1


@pytest.mark.parametrize("rounds", [20])
async def test_racing_trashings_and_restores_keep_every_count(
    setting: Setting, rounds: int
) -> None:
    """Each round ends in the trash or out of it, and collection and searches agree with that."""
    place = collection()
    await setting.collections.add(place)
    ids = [(await setting.image(collection_id=place.id, **FOX)).id for _ in range(3)]

    for _ in range(rounds):
        await asyncio.gather(
            *(move(ids, now=NOON) for move in (setting.trash.put_in, setting.trash.restore) * 2)
        )
        out = [i for i in ids if (await setting.images.get(i)).trashed_at is None]
        assert await count(setting, place.id) == (len(out), len(out))
        assert set(await setting.found("fox")) == set(out)
        assert set(await setting.trashed()) == set(ids) - set(out)
