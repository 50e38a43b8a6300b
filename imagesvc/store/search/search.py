"""Lists of images: searched, filtered, sorted, a page at a time, at a cost that stays.

How a list is walked:

- by words, tags, dates, formats, shapes or colours: along the full-text index (FTS5), which
  intersects its lists of image numbers newest first. One index for all of these needs no guess
  of which to begin with. It is in the order of upload; by relevance it is walked once a rank.
- else along an index of `images` that begins with whose images they are, in the list's order.
- in another order than the full-text index has, its newest `MAX_CANDIDATES` matches are sorted,
  and so are the images of a collection by size or name.
- images like another one come from the bands of their hashes, at most `MAX_ALIKE` originals.

bm25 is not used: it counts a word's images over the whole table, at a cost that grows with it, and
images that the requester may not see would change the ranks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import Connection, Row, Select, select

from imagesvc.errors import InvalidQuery, InvalidRequest
from imagesvc.model.images import Visibility
from imagesvc.store.db.database import Database
from imagesvc.store.db.json_rows import listed
from imagesvc.store.db.schema.columns import unindexed
from imagesvc.store.db.schema.images import blobs, images, phash_bands
from imagesvc.store.image_rows import image_of, select_images
from imagesvc.store.search.conditions import (
    conditions_of,
    dates_of,
    is_in_place,
    is_visible,
)
from imagesvc.store.search.fulltext.match import Match, match_of
from imagesvc.store.search.hashes import RADIUS, distance, near_bands
from imagesvc.store.search.listing import ImageFilter, ImagePage, Order, Position, Sort, Total
from imagesvc.store.search.terms import Similar
from imagesvc.store.search.walks import (
    KEYS,
    MAX_SCANNED,
    Bounds,
    Step,
    by_index,
    by_match,
    matches_image,
    numbers_in,
    steps,
)

MAX_CANDIDATES = 10_000
"""Matches that are sorted in an order that the full-text index does not have."""
MAX_ALIKE = 1_000
"""Originals that count as similar, the nearest first."""
MAX_BAND_ROWS = 50_000
MAX_REPEATED = 200
"""Images of better ranks that a page reads again, instead of excluding them in FTS5."""
_BY_UPLOAD = Order(Sort.CREATED, is_descending=True)


class ImageSearch:
    """The lists of images of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, wanted: ImageFilter, order: Order, *, limit: int, after: Position | None = None
    ) -> ImagePage:
        """A page of the images that a viewer may see.

        It reads at most `MAX_SCANNED` rows: it may end early, even empty, and still have a position
        to continue after.

        Raises:
            InvalidQuery: it asks for images like one that is not there for this viewer.
            InvalidRequest: no page of this list ends at `after`.
        """

        def work(connection: Connection) -> ImagePage:
            numbers, next_after = page_numbers(Asked(connection, wanted, order), limit, after)
            visible = [numbers_in(numbers), is_in_place(wanted), *is_visible(wanted)]
            rows = connection.execute(select_images().where(*visible)).all()
            found = {row.number: image_of(row) for row in rows}
            shown = [found[number] for number in numbers if number in found]
            return ImagePage(shown, next_after)

        return await self._database.read(work)

    async def total(
        self, wanted: ImageFilter, order: Order, *, at_most: int = MAX_SCANNED
    ) -> Total:
        """How many images the list has, of so many that are looked at.

        Raises:
            InvalidQuery: as `page`.
        """

        def work(connection: Connection) -> Total:
            walk = steps_of(Asked(connection, wanted, order), None)
            fitting = [step.fits for step in islice(walk, at_most + 1)]
            return Total(sum(fitting[:at_most]), is_exact=len(fitting) <= at_most)

        return await self._database.read(work)


class Asked(NamedTuple):
    """A list, and the connection that reads it."""

    connection: Connection
    wanted: ImageFilter
    order: Order


def page_numbers(
    asked: Asked, limit: int, after: Position | None
) -> tuple[list[int], Position | None]:
    """The numbers of the images of a page in order, and the position to continue after."""
    numbers: list[int] = []
    last: Position | None = None
    for count, step in enumerate(steps_of(asked, after)):
        if count == MAX_SCANNED or (step.fits and len(numbers) == limit):
            return numbers, last
        if step.fits:
            numbers.append(step.number)
        last = step.position
    return numbers, None


def steps_of(asked: Asked, after: Position | None) -> Iterator[Step]:
    """The images of a list from a position on, and those that its walk passes by."""
    wanted, order = asked.wanted, asked.order
    if wanted.query.similar is not None:
        return _alike(asked, after)
    bounds = dates_of(wanted.query) if order.sort is Sort.TAKEN else None
    match = None if bounds is not None else match_of(wanted)
    if match is None:
        if wanted.collection_id is not None and order.sort in {Sort.SIZE, Sort.NAME}:
            return _sorted(asked, by_index(wanted, _BY_UPLOAD, None, None)[0], after, bounds)
        return _indexed(asked, after, bounds)
    if order.sort in KEYS:
        return _sorted(asked, by_match(match.any_rank, _BY_UPLOAD, None, wanted.now), after)
    return _ranked(asked, match, after)


def _indexed(asked: Asked, after: Position | None, bounds: Bounds | None) -> Iterator[Step]:
    connection, wanted, order = asked
    _check(after, [int] if order.sort not in KEYS else [_kind(order.sort), int])
    conditions = [*conditions_of(wanted), *is_visible(wanted)]
    return steps(connection, by_index(wanted, order, after, bounds), conditions, order)


def _ranked(asked: Asked, match: Match, after: Position | None) -> Iterator[Step]:
    """Rank after rank, each in the order of upload; positions have the rank before the number.

    FTS5 intersects the lists of words again for each rank that an expression excludes. On a first
    page, the images of better ranks are known, and the few of them are skipped here instead.
    """
    connection, wanted, order = asked
    _check(after, [int, int])
    if order.sort is not Sort.RELEVANCE:
        match = match.without_ranks()
    ranks = range(len(match.ranks))[:: 1 if order.is_descending else -1]
    if after is not None and after[0] not in ranks:
        raise _foreign()
    conditions = conditions_of(wanted)
    seen: set[int] = set()
    for rank in ranks if after is None else ranks[ranks.index(int(after[0])) :]:
        # A walk that is cut off by its limit has enough new rows to end the page: every repeated
        # one was a step of the page before.
        skips = after is None and order.is_descending and len(seen) <= MAX_REPEATED
        expression = match.ranks[rank] if skips else match.exclusive[rank]
        begin = after[1:] if after is not None and after[0] == rank else None
        for step in steps(
            connection, [by_match(expression, order, begin, wanted.now)], conditions, order
        ):
            if step.number not in seen:
                seen.add(step.number)
                yield Step((rank, step.number), step.number, step.fits)


def _sorted(
    asked: Asked, walk: Select[Any], after: Position | None, bounds: Bounds | None = None
) -> Iterator[Step]:
    """The newest matches, sorted; positions begin with the newest one's number.

    That number keeps the set the same over all pages of a list, whatever is added meanwhile.
    """
    connection, wanted, order = asked
    _check(after, [int, _kind(order.sort), int])
    (place,) = walk.selected_columns
    if after is not None:
        walk = walk.where(place <= after[0])
    rows = connection.execute(walk.limit(MAX_CANDIDATES)).all()
    numbers = [row[-1] for row in rows]
    newest = max(numbers, default=0) if after is None else after[0]
    conditions = [*conditions_of(wanted), *is_visible(wanted)]
    if bounds is not None:
        conditions.append(unindexed(images.c.dated_at).between(*bounds))
    query = select(KEYS[order.sort], images.c.number).where(numbers_in(numbers), *conditions)
    places = [(newest, *row) for row in connection.execute(query)]
    return _in_order(places, order, after)


def _in_order(places: Sequence[Position], order: Order, after: Position | None) -> Iterator[Step]:
    for place in sorted(places, reverse=order.is_descending):
        if after is None or (place < after if order.is_descending else place > after):
            yield Step(place, int(place[-1]), fits=True)


def _alike(asked: Asked, after: Position | None) -> Iterator[Step]:
    """Images whose hash is near; by relevance the nearest first, and of those the newest."""
    connection, wanted, order = asked
    by_distance = order.sort is Sort.RELEVANCE
    key = KEYS.get(order.sort, images.c.number)
    _check(after, [int if by_distance else _kind(order.sort), int])
    model = _model(connection, wanted)
    distances = _near(connection, model.phash)
    conditions = [*conditions_of(wanted), *is_visible(wanted)]
    match = match_of(wanted)
    if match is not None:
        conditions.append(matches_image(match.any_rank))
    rows = connection.execute(
        select(images.c.sha256, key, images.c.number)
        .where(images.c.sha256.in_(listed(list(distances))), images.c.id != model.id, *conditions)
        .where(images.c.is_analysed, is_in_place(wanted))
        .limit(MAX_CANDIDATES)
    )
    places = [
        (-distances[digest] if by_distance else value, number) for digest, value, number in rows
    ]
    return _in_order(places, order, after)


def _model(connection: Connection, wanted: ImageFilter) -> Row[Any, Any, Any, Any, Any]:
    """The image to which others are compared."""
    term = wanted.query.similar
    assert term is not None  # noqa: S101  # asked for by the caller
    assert isinstance(term.atom, Similar)  # noqa: S101
    row = connection.execute(
        select(
            images.c.id, images.c.visibility, images.c.owner_id, images.c.is_analysed, blobs.c.phash
        )
        .join(blobs, blobs.c.sha256 == images.c.sha256)
        .where(images.c.id == term.atom.image_id, is_in_place(wanted))
    ).first()
    viewer = wanted.viewer
    if row is None or not (
        viewer.sees_all
        or row.visibility != Visibility.PRIVATE
        or (row.owner_id is not None and row.owner_id == viewer.owner_id)
    ):
        raise _unlike(term.column, "there is no image with this id")
    if row.phash is None or not row.is_analysed:
        raise _unlike(term.column, "the job of this image has not analysed it yet")
    return row


def _unlike(column: int, why: str) -> InvalidQuery:
    return InvalidQuery(f"Column {column} of q: {why}.", ((f"q:{column}", why),))


def _near(connection: Connection, phash: str) -> dict[str, int]:
    """Digests of the originals nearest to a hash, with their distance."""
    rows = connection.execute(
        select(phash_bands.c.phash, phash_bands.c.sha256)
        .where(phash_bands.c.band.in_(listed(near_bands(phash))))
        .limit(MAX_BAND_ROWS)
    )
    found = {digest: distance(phash, other) for other, digest in rows}
    near = sorted((bits, digest) for digest, bits in found.items() if bits <= RADIUS)
    return {digest: bits for bits, digest in near[:MAX_ALIKE]}


def _kind(sort: Sort) -> type[int | str]:
    return str if sort is Sort.NAME else int


def _check(after: Position | None, kinds: Sequence[type]) -> None:
    if after is not None and [type(part) for part in after] != list(kinds):
        raise _foreign()


def _foreign() -> InvalidRequest:
    """The error of a forged cursor: other contents are checked before."""
    message = "is not a next_cursor of this list"
    return InvalidRequest(f"cursor {message}.", (("cursor", message),))
