"""Lists of images in the store: visibility, updates and cost."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from imagesvc.errors import InvalidQuery
from imagesvc.model.ids import Digest, ImageId, JobId, UserId, least_id, new_id
from imagesvc.model.images import Analysis, Image, Viewer, Visibility
from imagesvc.model.jobs import Priority, Status
from imagesvc.store.db.database import Database
from imagesvc.store.db.schema.images import images
from imagesvc.store.db.sqlite.database import EmbeddedDatabase
from imagesvc.store.db.sqlite.engine import sqlite_engine, transaction
from imagesvc.store.db.sqlite.migrate import migrate, upgrade
from imagesvc.store.images import ImageStore
from imagesvc.store.jobs.jobs import JobStore
from imagesvc.store.jobs.listing import JobFilter
from imagesvc.store.originals import record_analysis
from imagesvc.store.search import walks as search_walks
from imagesvc.store.search.listing import ImageFilter, Order, Sort
from imagesvc.store.search.parser import parse
from imagesvc.store.search.search import ImageSearch
from tests.breadth import represented
from tests.store.plans import plans
from tests.store.rows import NOON, add_user, collection, image_and_job

pytestmark = pytest.mark.anyio
EVERYONE = Viewer(None, sees_all=True)
STRANGER = Viewer(None)


async def add(database: Database, **given: Any) -> Image:
    """Add an image with its job."""
    image, job = image_and_job(**given)
    await ImageStore(database).add(image, job)
    return image


async def record(database: Database, image: Image, analysis: Analysis) -> None:
    """Record the results of an image's job, as its settlement does."""
    await database.write(lambda c: record_analysis(c, image.id, image.original.digest, analysis))


async def titles(
    database: Database,
    q: str,
    viewer: Viewer = EVERYONE,
    sort: Sort | None = None,
    **filters: Any,
) -> list[str]:
    """The titles that a search finds, in order."""
    query = parse(q)
    page = await ImageSearch(database).page(
        ImageFilter(viewer, query, **filters),
        Order.default_for(query, sort, is_descending=None),
        limit=100,
    )
    assert page.next_after is None
    return [image.title for image in page.images]


@pytest.fixture
async def shared(database: Database) -> dict[str, UserId]:
    """Ann and Bob, whose images are in the database."""
    return await add_foxes(database)


async def add_foxes(database: Database) -> dict[str, UserId]:
    """Ann and Bob with an image of each visibility, all of them about a fox."""
    people = {name: await add_user(database, name) for name in ("ann", "bob")}
    for name, user_id in people.items():
        for visibility in Visibility:
            image = await add(
                database,
                title=f"fox {name} {visibility}",
                tags=("fox",),
                owner_id=user_id,
                visibility=visibility,
            )
            await record(database, image, Analysis("#2f6b9a", ("#2f6b9a",), "", "00ff00ff00ff00ff"))
    return people


WAYS = [
    "", "fox", '"fox"', "title:fox", "tags:fox", "fox -cat", "-cat", "format:jpeg", "width:4",
    "date:2026", "from:2025", "color:#2f6b9a", "orientation:landscape", "fox sharp-", "-color:#000",
]  # fmt: skip


@pytest.mark.parametrize(
    "q",
    represented([q for q in WAYS if q != "fox sharp-"], "", "fox", "tags:fox", "color:#2f6b9a"),
)
async def test_a_list_shows_own_images_and_public_ones(
    database: Database, shared: dict[str, UserId], q: str
) -> None:
    """This holds for every index; unlisted images are in no other user's list."""
    public = {"fox ann public", "fox bob public"}
    own = {"fox ann unlisted", "fox ann private"}

    for sort in (None, *Sort):
        ann = await titles(database, q, Viewer(shared["ann"]), sort)
        stranger = await titles(database, q, STRANGER, sort)
        everyone = await titles(database, q, EVERYONE, sort)

        assert sorted(ann) == sorted(public | own), sort
        assert sorted(stranger) == sorted(public), sort
        assert len(everyone) == 6, sort


@pytest.mark.parametrize("q", ["", "fox", "tags:fox"])
@pytest.mark.parametrize("visibility", Visibility)
async def test_filters_do_not_reveal_private_images(
    database: Database, shared: dict[str, UserId], q: str, visibility: Visibility
) -> None:
    """Neither the filter by visibility nor that by owner does."""
    ann, bob = Viewer(shared["ann"]), shared["bob"]

    own = await titles(database, q, ann, visibility=visibility)
    of_bob = await titles(database, q, ann, owner_id=bob, visibility=visibility)
    of_bob_sorted = await titles(database, q, ann, Sort.SIZE, owner_id=bob)

    expected = {f"fox ann {visibility}"}
    if visibility is Visibility.PUBLIC:
        expected.add("fox bob public")
    assert set(own) == expected
    assert of_bob == (["fox bob public"] if visibility is Visibility.PUBLIC else [])
    assert of_bob_sorted == ["fox bob public"]


async def test_hidden_images_do_not_affect_the_order(database: Database) -> None:
    """A rank counts nothing over the table, so hidden images do not influence it."""
    await add(database, title="heron")
    await add(database, title="otter and heron")
    await add(database, title="x", description="otter heron")
    before = await titles(database, "otter heron", STRANGER)

    for _ in range(30):
        await add(database, title="otter", visibility=Visibility.PRIVATE)

    assert await titles(database, "otter heron", STRANGER) == before == ["otter and heron", "x"]


@pytest.mark.parametrize("q", ["", "otter", "tags:x", "-cat"])
async def test_hidden_images_take_no_place_on_a_page(database: Database, q: str) -> None:
    """The index itself skips it: short pages would reveal its number."""
    for place in range(12):
        hidden = Visibility.UNLISTED if place % 2 else Visibility.PRIVATE
        await add(database, title="otter", tags=("x",),
                  visibility=Visibility.PUBLIC if place < 3 else hidden)  # fmt: skip
    query = parse(q)
    order = Order.default_for(query, None, is_descending=None)

    page = await ImageSearch(database).page(ImageFilter(STRANGER, query), order, limit=2)

    assert len(page.images) == 2
    assert page.next_after is not None


async def test_similar_to_a_hidden_image_is_like_similar_to_an_absent_one(
    database: Database, shared: dict[str, UserId]
) -> None:
    """The error is the same: a search does not reveal that an image exists."""
    hidden = await _id_of(database, "fox bob private")
    unlisted = await _id_of(database, "fox bob unlisted")
    texts = []
    for image_id in (hidden, ImageId(new_id())):
        with pytest.raises(InvalidQuery) as caught:
            await titles(database, f"similar:{image_id}", Viewer(shared["ann"]))
        texts.append(caught.value.detail)

    assert texts[0] == texts[1]
    found = await titles(database, f"similar:{unlisted}", STRANGER)
    assert sorted(found) == ["fox ann public", "fox bob public"]
    assert len(await titles(database, f"similar:{hidden}", Viewer(shared["bob"]))) == 3


async def _id_of(database: Database, title: str) -> ImageId:
    query = parse(f'title:"{title}"')
    order = Order.default_for(query, None, is_descending=None)
    page = await ImageSearch(database).page(ImageFilter(EVERYONE, query), order, limit=1)
    return page.images[0].id


async def change(database: Database, title: str, /, **values: object) -> None:
    """Write without a store, as a migration or a manual query does."""
    query = update(images).where(images.c.title == title).values(**values)
    await database.write(lambda connection: connection.execute(query))


async def test_the_search_follows_every_change(database: Database) -> None:
    """Triggers update it, so that queries need not."""
    user_id = await add_user(database, "ann")
    await add(database, title="heron", tags=("bird",))
    await add(database, title="other")

    await change(database, "heron", title="Ibis")
    assert await titles(database, "heron") == []
    assert await titles(database, "ibis tags:bird") == ["Ibis"]
    await change(database, "Ibis", tags=["\u6d77", "b"])
    assert await titles(database, "tags:bird") == []
    assert await titles(database, "tags:\u6d77 \u6d77") == ["Ibis"]
    await change(database, "Ibis", visibility="private")
    assert await titles(database, "ibis", STRANGER) == []
    await change(database, "Ibis", owner_id=user_id)
    assert await titles(database, "ibis", Viewer(user_id)) == ["Ibis"]
    query = delete(images).where(images.c.title == "Ibis")
    await database.write(lambda connection: connection.execute(query))
    assert await titles(database, "ibis") == []
    assert await titles(database, "-ibis") == ["other"]


async def test_a_copy_of_a_known_original_is_found_by_similarity_after_analysis(
    database: Database,
) -> None:
    """An image is found after its own job; earlier, the search would reveal other users' files."""
    first = await add(database, title="one")
    analysis = Analysis("#2f6b9a", ("#2f6b9a", "#ffffff"), "", "0123456789abcdef")
    await record(database, first, analysis)
    twin = await add(database, title="two", original=first.original)
    near = replace(analysis, phash="0123456789abcd00")  # 6 bits in the last band
    far = replace(analysis, phash="f123456789abcd00", palette=("#00ff00",))
    other = await add(database, title="near")
    third = await add(database, title="far")
    for image, its in ((other, near), (third, far)):
        await record(database, image, its)

    assert await titles(database, "color:#2f6b9a") == ["near", "one"]
    assert await titles(database, "color:blue") == ["near", "one"]
    assert await titles(database, "-color:blue") == ["far", "two"]
    assert (await titles(database, f"similar:{first.id}"))[:2] == ["near"]
    with pytest.raises(InvalidQuery, match="has not analysed it yet"):
        await titles(database, f"similar:{twin.id}")
    await record(database, twin, analysis)
    assert await titles(database, "color:#2f6b9a") == ["near", "two", "one"]
    assert await titles(database, "color:blue OR color:green") == ["far", "near", "two", "one"]
    assert (await titles(database, f"similar:{first.id}"))[:2] == ["two", "near"]


@pytest.mark.parametrize("flips", [0, 1, 5, 10, 11])
async def test_hashes_within_ten_bits_are_found_wherever_they_differ(
    database: Database, flips: int
) -> None:
    """The bands must not miss one: the bits are spread over all bands as evenly as possible."""
    model = await add(database, title="model")
    value = 0x0123456789ABCDEF
    for place in range(flips):
        value ^= 1 << (place % 4 * 16 + place // 4 * 5)
    other = await add(database, title="other")
    for image, phash in ((model, "0123456789abcdef"), (other, f"{value:016x}")):
        await record(database, image, Analysis("#000000", ("#000000",), "", phash))

    found = await titles(database, f"similar:{model.id}")

    assert found == (["other"] if flips <= 10 else [])


async def test_a_date_is_that_of_the_camera_else_that_of_the_upload(database: Database) -> None:
    """The camera's local time counts."""
    await add(database, title="new", exif={"taken_at": "2019-12-31T23:59:59-11:00"})
    await add(database, title="ancient", exif={"taken_at": "0001-01-01T00:00:00"})
    await add(database, title="future", exif={"taken_at": "9999-12-31T23:59:59"})
    await add(database, title="none", exif={"taken_at": "rubbish"})

    assert await titles(database, "date:31-12-2019") == ["new"]
    assert await titles(database, "", sort=Sort.TAKEN) == ["future", "none", "new", "ancient"]
    for sort in (Sort.TAKEN, Sort.CREATED):
        assert set(await titles(database, "to:2019", sort=sort)) == {"new", "ancient"}
        assert await titles(database, "to:0001", sort=sort) == ["ancient"]
        assert await titles(database, "from:9999-12-31", sort=sort) == ["future"]
        assert await titles(database, f"date:{NOON:%d-%m-%Y}", sort=sort) == ["none"]


async def test_every_span_of_days_is_covered_exactly(database: Database) -> None:
    """Spans consist of days, months, years, decades and centuries."""
    days = [datetime(1899, 12, 30, tzinfo=UTC) + timedelta(days=487 * n) for n in range(110)]
    edges = [datetime(y, m, d, tzinfo=UTC) for y in (1900, 1999, 2000, 2010) for m, d in
             ((1, 1), (1, 31), (2, 28), (3, 1), (12, 31))]  # fmt: skip
    for day in sorted({*days, *edges}):
        await add(database, title=f"{day:%Y-%m-%d}", exif={"taken_at": f"{day:%Y-%m-%d}T12:00:00"})
    all_days = [f"{day:%Y-%m-%d}" for day in sorted({*days, *edges})]

    for first, last in (("1900", "1999"), ("1899-12-31", "2000-01-01"), ("2000-02", "2010-03-01"),
                        ("1999-12-31", "1999-12-31"), ("1950-06-15", "1950-07-14"),
                        ("1900-01-31", "2047-11")):  # fmt: skip
        expected = [day for day in all_days if first <= day and day[: len(last)] <= last]
        order = Order(Sort.CREATED, is_descending=False)
        wanted = ImageFilter(EVERYONE, parse(f"from:{first} to:{last}"))
        page = await ImageSearch(database).page(wanted, order, limit=1000)
        assert [image.title for image in page.images] == expected, (first, last)


async def test_a_page_with_few_matches_continues_with_its_cursor(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page reads a limited number of rows; following the cursors finds all images."""
    monkeypatch.setattr("imagesvc.store.search.search.MAX_SCANNED", 10)
    monkeypatch.setattr(search_walks, "MAX_SCANNED", 10)
    for place in range(45):
        size = 5_000 if place in {2, 40} else 9
        await add(database, title=f"{place} gull", bytes=size)
    for q in ("size:5000", "size:5000 gull"):
        query = parse(q)
        order = Order.default_for(query, None, is_descending=None)
        after, found, pages = None, [], 0

        while pages == 0 or after is not None:
            page = await ImageSearch(database).page(
                ImageFilter(EVERYONE, query), order, limit=5, after=after
            )
            found += [image.title for image in page.images]
            after, pages = page.next_after, pages + 1

        assert found == ["40 gull", "2 gull"]
        assert 5 <= pages <= 6


@pytest.mark.parametrize("q", ["", "gull", "size:5000", "size:5000 gull"])
async def test_a_total_is_exact_up_to_a_bound(database: Database, q: str) -> None:
    """Beyond it, the total is marked as inexact; hidden images are not counted."""
    for place in range(12):
        await add(database, title=f"{place} gull", bytes=5_000 if place % 4 == 0 else 9)
    await add(database, title="gull", bytes=5_000, visibility=Visibility.PRIVATE)
    wanted = ImageFilter(STRANGER, parse(q))
    order = Order.default_for(wanted.query, None, is_descending=None)

    totals = [
        await ImageSearch(database).total(wanted, order, at_most=most) for most in (5, 12, 5_000)
    ]

    fitting = 3 if "size" in q else 12
    assert [total.is_exact for total in totals] == [False, True, True]
    assert [total.count for total in totals[1:]] == [fitting, fitting]
    assert totals[0].count <= 5


USER = UserId(new_id())


@pytest.mark.parametrize("sort", [Sort.CREATED, Sort.TAKEN, Sort.SIZE, Sort.NAME])
@pytest.mark.parametrize(
    "q", represented(["", "width:>5", "date:2016", "from:2016-03 to:2017"], "width:>5", "date:2016")
)
async def test_a_list_in_an_indexed_order_is_a_walk_along_an_index(
    embedded: EmbeddedDatabase, q: str, sort: Sort
) -> None:
    """For the first page and the deepest one: no table is scanned, nothing is sorted."""
    if q[:4] in {"date", "from"} and sort in {Sort.SIZE, Sort.NAME}:
        return  # the newest matches are sorted
    after: tuple[int | str, ...] = {Sort.CREATED: (7,), Sort.NAME: ("x", 7)}.get(sort, (5, 7))
    if sort is Sort.CREATED and q[:4] in {"date", "from"}:
        after = (0, 7)
    viewers = (EVERYONE, STRANGER, Viewer(USER))
    for viewer, is_descending, place in itertools.product(viewers, (True, False), (None, after)):
        wanted = ImageFilter(viewer, parse(q))
        work = ImageSearch(embedded).page(wanted, Order(sort, is_descending), limit=50, after=place)

        found = await plans(embedded, work)

        for plan in found:
            assert "SCAN images" not in plan
            assert "SCAN blobs" not in plan
            assert "SCAN jobs" not in plan
            assert "TEMP B-TREE" not in plan
        walked = " ".join(found[:-1])
        if sort is not Sort.CREATED:
            column = {Sort.TAKEN: "dated_at", Sort.SIZE: "bytes", Sort.NAME: "name_key"}[sort]
            assert f"_{column}_number (" in walked
        elif q in {"", "width:>5"}:
            assert "_number (" in walked
        else:
            assert "VIRTUAL TABLE INDEX " in walked


@pytest.mark.parametrize("viewer", [EVERYONE, STRANGER, Viewer(USER)])
@pytest.mark.parametrize(
    "q",
    represented(
        ["sunset beach", "sunset OR tags:x beach", "tags:x OR date:2016", '"golden hour"',
         "tags:sea date:2016", "-night", "camera:x", "color:#abc", "color:blue",
         "sunset width:>5 -tags:x", "tags:sea -color:#abc"],
        "sunset OR tags:x beach", "-night", "color:#abc", "sunset width:>5 -tags:x",
    ),
)  # fmt: skip
async def test_a_search_is_a_walk_along_the_full_text_index(
    embedded: EmbeddedDatabase, q: str, viewer: Viewer
) -> None:
    """SQLite sorts nothing of it; images are returned one by one, by number."""
    query = parse(q)
    order = Order.default_for(query, None, is_descending=None)
    work = ImageSearch(embedded).page(ImageFilter(viewer, query), order, limit=50, after=(0, 1_000))

    for plan in await plans(embedded, work):
        assert "SCAN images " not in plan
        assert "TEMP B-TREE" not in plan
        assert "VIRTUAL TABLE INDEX " in plan or "ix_images_number" in plan


async def test_a_collection_and_an_owner_are_walked_along_their_indexes(
    embedded: EmbeddedDatabase,
) -> None:
    """This holds with every other filter."""
    stored = collection()
    for filters, index in (
        ({"collection_id": stored.id}, "ix_images_collection_id_trashed_at_number"),
        ({"owner_id": USER}, "ix_images_owner_id_trashed_at_number"),
        ({"visibility": Visibility.PRIVATE}, "ix_images_visibility_trashed_at_number"),
        ({"status": Status.FAILED}, "ix_images_visibility_trashed_at_number"),
    ):
        for viewer in (EVERYONE, Viewer(USER)):
            wanted = ImageFilter(viewer, **filters)
            order = Order(Sort.CREATED, is_descending=True)

            found = await plans(embedded, ImageSearch(embedded).page(wanted, order, limit=50))

            if viewer.sees_all:
                assert index in " ".join(found)
            assert not any("SCAN images" in plan or "TEMP B-TREE" in plan for plan in found)


@pytest.mark.parametrize("viewer", [EVERYONE, Viewer(USER)])
@pytest.mark.parametrize("after", [None, (5, 7)])
@pytest.mark.parametrize("is_descending", [True, False])
async def test_the_list_of_the_trash_is_a_walk_along_an_index(
    embedded: EmbeddedDatabase, is_descending: bool, after: tuple[int, int] | None, viewer: Viewer
) -> None:
    """It passes over no image outside of the trash, and nothing is sorted."""
    wanted, order = ImageFilter(viewer, is_trash=True), Order(Sort.TRASHED, is_descending)
    search = ImageSearch(embedded)

    found = await plans(embedded, search.page(wanted, order, limit=50, after=after))

    walked = found[:-1]
    assert walked
    assert not any("SCAN images" in plan or "TEMP B-TREE" in plan for plan in found)
    assert all("trashed_at" in plan.partition("_trashed_at_number (")[2] for plan in walked)


async def test_similar_images_come_from_the_bands(embedded: EmbeddedDatabase) -> None:
    """There is a look-up for each near value; only the results are sorted."""
    await add_foxes(embedded)
    model = await _id_of(embedded, "fox ann public")
    query = parse(f"similar:{model}")
    order = Order.default_for(query, None, is_descending=None)

    found = await plans(
        embedded, ImageSearch(embedded).page(ImageFilter(EVERYONE, query), order, limit=50)
    )

    assert "SEARCH phash_bands USING PRIMARY KEY (band=?)" in " ".join(found)
    assert not any("SCAN images" in plan or "SCAN phash_bands" in plan for plan in found)


async def test_a_list_of_jobs_is_a_stretch_of_one_index(embedded: EmbeddedDatabase) -> None:
    """This holds for every combination of filters; a time is a range of ids."""
    spans: list[dict[str, Any]] = [
        {}, {"created_from": NOON}, {"created_from": NOON, "created_to": NOON}
    ]  # fmt: skip
    owners: list[dict[str, Any]] = [{}, {"owner_id": USER}]
    statuses: list[dict[str, Any]] = [{}, {"status": Status.FAILED}]
    pictures: list[dict[str, Any]] = [{}, {"image_id": ImageId(new_id())}]
    for viewer, owner, status, image, span, after in itertools.product(
        [EVERYONE, Viewer(USER)], owners, statuses, pictures, spans, [None, JobId(new_id())]
    ):
        wanted = JobFilter(viewer, **owner, **status, **image, **span)

        plan = (await plans(embedded, JobStore(embedded).page(wanted, limit=50, after=after)))[0]

        owns = bool(owner) or not viewer.sees_all
        if image:
            index = "ix_jobs_image_id_id (image_id=?"
        elif owns and status:
            index = "ix_jobs_owner_id_status_id (owner_id=? AND status=?"
        elif owns:
            index = "ix_jobs_owner_id_id (owner_id=?"
        else:
            index = "ix_jobs_status_id (status=?" if status else "sqlite_autoindex_jobs_1"
        assert "TEMP B-TREE" not in plan
        assert index in plan
        bounded = "created_to" in span or after is not None
        assert ("id<" in plan) == bounded
        if not bounded and "autoindex" in index:
            assert plan == "SCAN jobs USING INDEX sqlite_autoindex_jobs_1"  # its end, limited


async def test_jobs_of_a_time_are_listed(database: Database) -> None:
    """The time of creation counts; ids only limit the range."""
    for minute in range(4):
        at = NOON + timedelta(minutes=minute, microseconds=1)
        image, job = image_and_job(title=str(minute))
        job = replace(job, id=JobId(least_id(at)), created_at=at, priority=Priority.UPLOAD)
        await ImageStore(database).add(replace(image, job_id=job.id), job)

    async def count(first: int, last: int) -> int:
        wanted = JobFilter(EVERYONE, created_from=NOON + timedelta(minutes=first),
                           created_to=NOON + timedelta(minutes=last))  # fmt: skip
        found, _ = await JobStore(database).page(wanted, limit=9, after=None)
        return len(found)

    assert [await count(0, 4), await count(1, 3), await count(2, 3), await count(4, 9)] == [
        4, 2, 1, 0,
    ]  # fmt: skip


async def test_images_that_are_there_are_indexed_by_the_migration(tmp_path: Path) -> None:
    """After an upgrade a search finds earlier uploads."""
    path = tmp_path / "imagesvc.db"
    with sqlite_engine(path).connect() as connection, transaction(connection):
        upgrade(connection, "0003")
    ids = [ImageId(new_id()) for _ in range(3)]
    with sqlite_engine(path).connect() as connection:
        for place in (2, 0, 1):
            digest = Digest(f"{place}" * 64)
            connection.exec_driver_sql(
                "INSERT INTO blobs (sha256, bytes, created_at, dominant_color, palette, thumbhash,"
                " phash) VALUES (?, 1, 0, '#2f6b9a', '[\"#2f6b9a\"]', '', '0123456789abcdef')",
                (digest,),
            )
            connection.exec_driver_sql(
                "INSERT INTO images (id, sha256, format, width, height, frames, has_alpha,"
                " decode_bytes, bytes, filename, title, description, tags, exif, visibility,"
                " status, created_at, updated_at) VALUES (?, ?, 'png', 4, 3, 1, 0, 1, 1, 'A.png',"
                " ?, '', '[\"caf\\u00e9\"]', '{\"taken_at\": \"2016-03-24T12:00:00\"}', 'public',"
                " 'succeeded', 5, 5)",
                (ids[place].hex, digest, f"old {place}"),
            )

    migrate(path)

    database = EmbeddedDatabase(path)
    for q in (
        "old",
        "tags:cafe",
        "date:24-03-2016",
        "color:#2f6b9a",
        "color:blue",
        "format:png",
        "",
    ):
        assert await titles(database, q) == ["old 2", "old 1", "old 0"]
    assert await titles(database, f"similar:{ids[0]}") == ["old 2", "old 1"]
    new = await add(database, title="new")
    assert await titles(database, "") == [new.title, "old 2", "old 1", "old 0"]
    await database.close()
