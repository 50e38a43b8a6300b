"""The timeline in the store: months, viewers, searches, and what the statements read."""

from __future__ import annotations

from typing import Any

import pytest

from imagesvc.model.ids import CollectionId, UserId, new_id
from imagesvc.model.images import Analysis, Image, Viewer, Visibility
from imagesvc.model.months import Month
from imagesvc.store.collections import CollectionStore
from imagesvc.store.db.database import Database
from imagesvc.store.db.sqlite.database import EmbeddedDatabase
from imagesvc.store.images import ImageStore
from imagesvc.store.originals import record_analysis
from imagesvc.store.removal.trash import TrashStore
from imagesvc.store.search.listing import ImageFilter, Order, Sort
from imagesvc.store.search.parser import parse
from imagesvc.store.search.search import ImageSearch
from imagesvc.store.search.timeline import Timeline
from tests.breadth import represented
from tests.store.plans import plans
from tests.store.rows import NOON, add_user, collection, image_and_job

pytestmark = pytest.mark.anyio
EVERYONE, STRANGER = Viewer(None, sees_all=True), Viewer(None)


async def add(database: Database, taken: str = "", **given: Any) -> Image:
    """Add an image that was taken then, or else is dated by its upload."""
    exif = {"exif": {"taken_at": taken}} if taken else {}
    image, job = image_and_job(**exif, **given)
    await ImageStore(database).add(image, job)
    return image


async def analyse(database: Database, image: Image) -> None:
    """Record the results of its job; they are those of every other image."""
    found = Analysis("#2f6b9a", ("#2f6b9a",), "hash", "00ff00ff00ff00ff")
    await database.write(lambda c: record_analysis(c, image.id, image.original.digest, found))


async def months(database: Database, wanted: ImageFilter) -> dict[str, int]:
    """The counts by month, which are those of the pages."""
    timeline = Timeline(database)
    counts = await timeline.months(wanted)
    assert counts.is_exact
    assert counts.months == sorted(counts.months, reverse=True)
    for month, count in counts.months:
        rows, next_after = await timeline.page(wanted, month, limit=2_000)
        assert (len(rows), next_after) == (count, None), month
    listed = await ImageSearch(database).page(wanted, Order(Sort.TAKEN, True), limit=2_000)
    assert len(listed.images) == sum(count for _month, count in counts.months)
    return {str(month): count for month, count in counts.months}


@pytest.fixture
async def people(database: Database) -> dict[str, UserId]:
    """Ann and Bob, each with a fox of each visibility and year."""
    found = {name: await add_user(database, name) for name in ("ann", "bob")}
    for name, user_id in found.items():
        for year, visibility in enumerate(Visibility, 2001):
            await add(
                database, f"{year}-05-01T00:00:00", title=f"fox {name}", tags=("fox",),
                owner_id=user_id, visibility=visibility, is_favourite=True,
            )  # fmt: skip
    return found


async def test_months_are_those_of_the_calendar(database: Database) -> None:
    """From the first instant to the last, before 1970, and in the years 1 and 9999."""
    for taken in (
        "0001-01-01T00:00:00", "1969-12-31T23:59:59", "1970-01-01T00:00:00",
        "2024-02-29T23:59:59.999999", "2024-03-01T00:00:00", "9999-12-31T23:59:59.999999",
    ):  # fmt: skip
        await add(database, taken)
    await add(database)  # dated by its upload

    found = await months(database, ImageFilter(EVERYONE))

    assert found == {
        "9999-12": 1, "2026-01": 1, "2024-03": 1, "2024-02": 1, "1970-01": 1, "1969-12": 1,
        "0001-01": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    "q",
    represented(
        ["", "fox", "tags:fox", "fox OR cat", "-cat", "width:4", "from:2001 to:2010",
         "format:jpeg"],
        "", "fox", "from:2001 to:2010",
    ),
)  # fmt: skip
async def test_viewers_count_own_images_and_public_ones(
    database: Database, people: dict[str, UserId], q: str
) -> None:
    """Own public images are counted once, and hidden ones of others never."""
    ann, query = Viewer(people["ann"]), parse(q)

    assert await months(database, ImageFilter(STRANGER, query)) == {"2001-05": 2}
    assert await months(database, ImageFilter(ann, query)) == {
        "2003-05": 1, "2002-05": 1, "2001-05": 2
    }  # fmt: skip
    assert await months(database, ImageFilter(EVERYONE, query)) == {
        "2003-05": 2, "2002-05": 2, "2001-05": 2
    }  # fmt: skip
    own = ImageFilter(ann, query, owner_id=people["ann"])
    assert await months(database, own) == {"2003-05": 1, "2002-05": 1, "2001-05": 1}
    for_bob = ImageFilter(ann, query, owner_id=people["bob"])
    assert await months(database, for_bob) == {"2001-05": 1}
    for visibility, expected in (
        (Visibility.PUBLIC, {"2001-05": 2}),
        (Visibility.PRIVATE, {"2003-05": 1}),
    ):
        assert await months(database, ImageFilter(ann, query, visibility=visibility)) == expected


async def test_favourites_are_those_of_the_viewer(
    database: Database, people: dict[str, UserId]
) -> None:
    """A public image of Bob is none of Ann's favourites, though Bob has marked it."""
    await add(database, "2001-05-01T00:00:00", owner_id=people["ann"])
    ann = Viewer(people["ann"])

    assert sum((await months(database, ImageFilter(ann, parse("is:favourite")))).values()) == 3
    assert await months(database, ImageFilter(ann, parse("-is:favourite"))) == {"2001-05": 1 + 1}
    assert sum((await months(database, ImageFilter(EVERYONE, parse("is:favourite")))).values()) == 6
    assert await months(database, ImageFilter(STRANGER, parse("is:favourite"))) == {}
    rows, _ = await Timeline(database).page(ImageFilter(ann), Month(2001, 5), limit=9)
    assert sorted(row.is_favourite for row in rows) == [False, False, True]


async def test_a_collection_has_a_timeline(database: Database, people: dict[str, UserId]) -> None:
    """Of what the viewer may see in it."""
    album = collection(id=CollectionId(new_id()), owner_id=people["ann"])
    await CollectionStore(database).add(album)
    for visibility in Visibility:
        await add(
            database, "2010-01-31T00:00:00", collection_id=album.id,
            owner_id=people["ann"], visibility=visibility,
        )  # fmt: skip

    counts = [
        (await months(database, ImageFilter(viewer, collection_id=album.id)))["2010-01"]
        for viewer in (EVERYONE, Viewer(people["ann"]), Viewer(people["bob"]), STRANGER)
    ]

    assert counts == [3, 3, 1, 1]


async def test_images_like_another_have_months(database: Database) -> None:
    """They are found by their hashes, not along an index."""
    seen = [await add(database, f"20{year}-01-01T00:00:00") for year in (10, 11, 12)]
    for image in seen:
        await analyse(database, image)

    found = await months(database, ImageFilter(EVERYONE, parse(f"similar:{seen[0].id}")))

    assert found == {"2012-01": 1, "2011-01": 1}
    rows, _ = await Timeline(database).page(ImageFilter(EVERYONE), Month(2010, 1), limit=9)
    assert [row.thumbhash for row in rows] == ["hash"]


async def test_pages_of_a_month_go_on_where_the_last_one_ended(database: Database) -> None:
    """Also among images of one instant, newest upload first."""
    expected = [await add(database, "2020-06-15T12:00:00") for _ in range(5)]
    await add(database, "2020-07-01T00:00:00")
    for q in ("", "format:jpeg"):
        wanted, found, after = ImageFilter(EVERYONE, parse(q)), [], None
        while True:
            rows, after = await Timeline(database).page(
                wanted, Month(2020, 6), limit=2, after=after
            )
            found += [row.id for row in rows]
            if after is None:
                break
        assert found == [image.id.hex for image in reversed(expected)]


@pytest.mark.parametrize("viewer", [EVERYONE, STRANGER, Viewer(UserId(new_id()))])
async def test_counting_reads_indexes_only(embedded: EmbeddedDatabase, viewer: Viewer) -> None:
    """Reading the rows of a million images would take seconds."""
    await add(embedded)
    wanted = [ImageFilter(viewer), ImageFilter(viewer, parse("date:2026"))]
    if viewer.owner_id is not None:
        of_owner = ImageFilter(viewer, owner_id=viewer.owner_id)
        wanted += [
            of_owner,
            ImageFilter(viewer, owner_id=viewer.owner_id, visibility=Visibility.PRIVATE),
        ]
    for one in wanted:
        for plan in await plans(embedded, Timeline(embedded).months(one)):
            assert "COVERING INDEX ix_images_" in plan
            assert "_dated_at_number" in plan
            assert "SCAN images" not in plan


async def test_a_month_is_a_stretch_of_an_index(embedded: EmbeddedDatabase) -> None:
    """Nothing is sorted for it, and other months are not read."""
    album = CollectionId(new_id())
    for one in (
        ImageFilter(EVERYONE),
        ImageFilter(STRANGER),
        ImageFilter(EVERYONE, collection_id=album),
    ):
        found = await plans(embedded, Timeline(embedded).page(one, Month(2026, 1), limit=9))
        for plan in found[:-1]:
            assert "_dated_at_number (" in plan
            assert "dated_at>? AND dated_at<?" in plan
            assert "TEMP B-TREE" not in plan


async def test_the_trash_has_a_timeline_of_its_own(
    database: Database, people: dict[str, UserId]
) -> None:
    """An image in the trash is in no other, whatever is searched."""
    ann, bob = Viewer(people["ann"]), Viewer(people["bob"])
    page = await ImageSearch(database).page(
        ImageFilter(ann, owner_id=people["ann"]), Order(Sort.TAKEN, is_descending=True), limit=9
    )
    trashed = [image.id for image in page.images if image.visibility is not Visibility.UNLISTED]
    await TrashStore(database).put_in(trashed, now=NOON)

    for q in ("", "fox", "is:favourite"):
        own = ImageFilter(ann, parse(q), owner_id=people["ann"])
        assert await months(database, own) == {"2002-05": 1}
    assert await months(database, ImageFilter(STRANGER)) == {"2001-05": 1}
    for viewer, expected in (
        (ann, {"2003-05": 1, "2001-05": 1}), (bob, {}), (STRANGER, {}),
        (EVERYONE, {"2003-05": 1, "2001-05": 1}),
    ):  # fmt: skip
        counts = await Timeline(database).months(ImageFilter(viewer, is_trash=True))
        assert {str(month): count for month, count in counts.months} == expected
        rows, _ = await Timeline(database).page(
            ImageFilter(viewer, is_trash=True), Month(2001, 5), limit=9
        )
        assert len(rows) == expected.get("2001-05", 0)
