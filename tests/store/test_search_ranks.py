"""Ranks of a search for words, among a thousand generated images."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from benchmarks.population import DENSE, populate, vocabulary
from imagesvc.model.images import Viewer
from imagesvc.store.db.sqlite.database import EmbeddedDatabase
from imagesvc.store.search.listing import ImageFilter, ImagePage, Order, Position, Sort
from imagesvc.store.search.parser import parse
from imagesvc.store.search.search import MAX_REPEATED, ImageSearch

pytestmark = pytest.mark.anyio
COUNT = 1_000
WORDS = vocabulary(DENSE).words
FREQUENT, RARE = WORDS[0], f"{WORDS[-1]} {WORDS[-2]}"
BEGINNINGS = f"{WORDS[0][:2]} {WORDS[1][:3]}"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a database with a thousand images."""
    path = tmp_path_factory.mktemp("ranks") / "imagesvc.db"
    populate(path, COUNT, DENSE)
    return path


@pytest.fixture
async def database(path: Path) -> AsyncIterator[EmbeddedDatabase]:
    """The database, which no test changes."""
    database = EmbeddedDatabase(path)
    yield database
    await database.close()


async def page(
    database: EmbeddedDatabase,
    q: str,
    limit: int,
    after: Position | None = None,
    *,
    best: bool = True,
) -> ImagePage:
    """A page of a search by relevance."""
    wanted = ImageFilter(Viewer(None, sees_all=True), parse(q))
    order = Order(Sort.RELEVANCE, is_descending=best)
    return await ImageSearch(database).page(wanted, order, limit=limit, after=after)


def rank(row: Any, words: list[str]) -> int | None:
    """The documented rank of an image: the lower, the better."""
    title = row.title.split()
    tags = [*title, *json.loads(row.tags)]
    every = [*tags, *row.description.split(), *row.filename.lower().replace(".", "_").split("_")]
    fields: list[tuple[list[str], bool]] = [
        (title, True), (tags, True), (every, True), (tags, False), (every, False)
    ]  # fmt: skip
    for place, (field, is_whole) in enumerate(fields):
        if all(
            any(text == word if is_whole else text.startswith(word) for text in field)
            for word in words
        ):
            return place
    return None


async def expected(database: EmbeddedDatabase, q: str) -> list[str]:
    """The ids that a search finds, best rank first and of equal rank the newest first."""
    statement = "SELECT id, number, title, description, tags, filename FROM images"
    rows = await database.read(lambda connection: connection.exec_driver_sql(statement).all())
    found = [(place, -row.number, row.id) for row in rows
             if (place := rank(row, q.split())) is not None]  # fmt: skip
    return [image_id for _rank, _number, image_id in sorted(found)]


@pytest.mark.parametrize("best", [True, False])
@pytest.mark.parametrize("q", [FREQUENT, RARE, BEGINNINGS])
async def test_a_page_is_in_the_order_of_ranks(
    database: EmbeddedDatabase, q: str, *, best: bool
) -> None:
    """The order is the same whether few or many images have the better ranks."""
    whole = await page(database, q, COUNT, best=best)

    ids = await expected(database, q)
    assert [image.id.hex for image in whole.images] == (ids if best else ids[::-1])
    assert whole.next_after is None


@pytest.mark.parametrize("limit", [7, 50])
@pytest.mark.parametrize("q", [FREQUENT, RARE, BEGINNINGS])
async def test_pages_continue_where_the_last_one_ended(
    database: EmbeddedDatabase, q: str, limit: int
) -> None:
    """A cursor within any rank continues the whole list, and every page but the last is full."""
    found: list[str] = []
    after: Position | None = None
    while not found or after is not None:
        part = await page(database, q, limit, after)
        assert part.next_after is None or len(part.images) == limit
        found += [image.id.hex for image in part.images]
        after = part.next_after

    assert found == await expected(database, q)


async def test_better_ranks_are_excluded_in_fts5_only_where_they_are_long(
    database: EmbeddedDatabase,
) -> None:
    """A first page intersects the lists of words once for each rank that it reads."""
    few, many = await matches(database, RARE), await matches(database, FREQUENT)

    assert len(few) > 2
    assert not any("NOT" in match for match in few)
    title, *others = many
    assert "NOT" not in title
    assert others
    assert all("NOT" in match for match in others)


async def matches(database: EmbeddedDatabase, q: str) -> list[str]:
    """The full-text expressions of the first page of everything."""
    seen: list[str] = []

    def note(_c: Any, _k: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if "MATCH" in statement:
            seen.append(str(parameters[0]))

    event.listen(database._engine, "before_cursor_execute", note)
    await page(database, q, COUNT)
    event.remove(database._engine, "before_cursor_execute", note)
    return seen


async def test_the_searched_words_cover_both_ways(database: EmbeddedDatabase) -> None:
    """One search has more images in its best rank than a page reads again, the other fewer."""
    rare = " ".join(f"title:{word}" for word in RARE.split())
    few = await page(database, rare, COUNT)
    many = await page(database, f"title:{FREQUENT}", COUNT)

    assert 0 < len(few.images) < MAX_REPEATED < len(many.images)
