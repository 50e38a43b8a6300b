"""The images of a list by month: how many each month has, and the columns of one month.

Without words and the like, the images of a month are a stretch of an index that has all that is
needed to count them. Matches of the full-text index are counted by day, the newest `MAX_MATCHES`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    false,
    func,
    select,
)

from imagesvc.model.images import Viewer, Visibility
from imagesvc.model.months import Month
from imagesvc.store.db.database import Database
from imagesvc.store.db.hex_ids import hex_of
from imagesvc.store.db.json_rows import arrays, number_in
from imagesvc.store.db.schema.columns import EPOCH, unindexed
from imagesvc.store.db.schema.images import blobs, images
from imagesvc.store.search.conditions import (
    Condition,
    conditions_of,
    dates_of,
    is_in_place,
    is_visible,
)
from imagesvc.store.search.dates import date_of, dated, day
from imagesvc.store.search.fulltext.expressions import Expression
from imagesvc.store.search.fulltext.match import match_of
from imagesvc.store.search.listing import ImageFilter, Order, Position, Sort
from imagesvc.store.search.search import Asked, page_numbers, steps_of
from imagesvc.store.search.terms import Dated, Day, Term
from imagesvc.store.search.walks import by_match, numbers_in, prefixes

MAX_MATCHES = 100_000
"""Matches of words and the like that are counted, the newest uploads."""
COUNTED_YEARS = 10
"""Years of one statement: a few images with odd dates cost as many statements."""
_BEGIN = datetime.min.replace(tzinfo=UTC)
_END = datetime.max.replace(tzinfo=UTC)
_BY_DATE = Order(Sort.TAKEN, is_descending=True)
_BY_UPLOAD = Order(Sort.CREATED, is_descending=True)


@dataclass(frozen=True, slots=True)
class MonthCounts:
    """How many images each month has, the newest month first."""

    months: list[tuple[Month, int]]
    is_exact: bool
    """False if matches that were uploaded before the newest `MAX_MATCHES` are not counted."""


class MonthRow(NamedTuple):
    """What a grid shows of one image."""

    number: int
    id: str
    """32 hexadecimal digits."""
    width: int
    height: int
    taken: int
    """Microseconds since the epoch, of the camera's local time as if it was UTC."""
    thumbhash: str | None
    is_favourite: bool
    """Of the viewer, or for those who see all of the owner."""
    frames: int
    status: str
    """As in `Status`."""
    visibility: str
    """As in `Visibility`."""
    is_collected: bool
    """In a collection; as favourites, of the viewer only."""
    awaits_review: bool
    """As favourites, of the viewer only."""


class Timeline:
    """The months of the lists of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def months(self, wanted: ImageFilter) -> MonthCounts:
        """The months in which a list has images.

        Raises:
            InvalidQuery: it asks for images like one that is not there for this viewer.
        """

        def work(connection: Connection) -> MonthCounts:
            counts, is_exact = _counts(Asked(connection, wanted, _BY_DATE))
            found = sorted(
                ((month, count) for month, count in counts.items() if count), reverse=True
            )
            return MonthCounts(found, is_exact)

        return await self._database.read(work)

    async def page(
        self, wanted: ImageFilter, month: Month, *, limit: int, after: Position | None = None
    ) -> tuple[list[MonthRow], Position | None]:
        """Some images of a month, the newest first, and the position to continue after.

        Raises:
            InvalidQuery, InvalidRequest: as for a page of the list.
        """
        dated = Term(Dated(Day(month.year, month.month)))
        query = replace(wanted.query, terms=(*wanted.query.terms, dated))

        def work(connection: Connection) -> tuple[list[MonthRow], Position | None]:
            asked = Asked(connection, replace(wanted, query=query), _BY_DATE)
            numbers, next_after = page_numbers(asked, limit, after)
            columns = _COLUMNS.add_columns(*_of_viewer(wanted.viewer))
            rows = connection.execute(
                columns.where(numbers_in(numbers), is_in_place(wanted), *is_visible(wanted))
            )
            found = {row[0]: row for row in rows}
            shown = [MonthRow._make(found[number]) for number in numbers if number in found]
            return shown, next_after

        return await self._database.read(work)


def _counts(asked: Asked) -> tuple[Counter[Month], bool]:
    connection, wanted, _order = asked
    if wanted.query.similar is not None:
        return Counter(Month.of(int(step.position[0])) for step in steps_of(asked, None)), True
    bounds = dates_of(wanted.query)
    match = None if bounds is not None else match_of(wanted)
    if match is not None:
        return _counts_of_matches(connection, wanted, match.any_rank)
    first, last = (
        (instant - EPOCH) // timedelta(microseconds=1) for instant in bounds or (_BEGIN, _END)
    )
    counts: Counter[Month] = Counter()
    for prefix, conditions in _parts(wanted):
        for months in _spans(connection, prefix, first, last):
            counts.update(_counts_of_span(connection, months, (first, last), [prefix, *conditions]))
    return counts, True


def _parts(wanted: ImageFilter) -> Iterator[tuple[Condition, list[Condition]]]:
    """Whose images a list has, no image twice, and the conditions on them."""
    whose = prefixes(wanted)
    is_one_owner = wanted.collection_id is not None or wanted.owner_id is not None
    common = [*conditions_of(wanted), *(is_visible(wanted) if is_one_owner else [])]
    for place, one in enumerate(whose):
        prefix = and_(one, is_in_place(wanted))
        is_own_beside_public = place > 0 and not wanted.viewer.sees_all
        others = (
            [unindexed(images.c.visibility) != Visibility.PUBLIC] if is_own_beside_public else []
        )
        yield prefix, [*common, *others]


def _spans(
    connection: Connection, prefix: Condition, first: int, last: int
) -> Iterator[list[Month]]:
    """Months of some years each, down from the newest image; years without images are skipped."""
    before = last + 1
    while True:
        query = select(func.max(dated)).where(prefix, dated >= first, dated < before)
        newest = connection.scalar(query)
        if newest is None:
            return
        year = Month.of(newest).year
        years = range(year, max(0, year - COUNTED_YEARS), -1)
        yield [Month(one, month) for one in years for month in range(12, 0, -1)]
        before = Month(years[-1], 1).start


def _counts_of_span(
    connection: Connection,
    months: Sequence[Month],
    bounds: tuple[int, int],
    conditions: Sequence[Condition],
) -> dict[Month, int]:
    first, last = bounds
    stretches = [
        (place, max(month.start, first), min(month.stop, last + 1))
        for place, month in enumerate(months)
    ]
    each = arrays(stretches)
    place, start, stop = (number_in(each.c.value, part) for part in range(3))
    count = (
        select(func.count())
        .select_from(images)
        .where(*conditions, dated >= start, dated < stop)
        .correlate(each)
        .scalar_subquery()
    )
    rows = connection.execute(select(place, count)).all()
    return {months[number]: found for number, found in rows}


def _counts_of_matches(
    connection: Connection, wanted: ImageFilter, match: Expression
) -> tuple[Counter[Month], bool]:
    newest = by_match(match, _BY_UPLOAD, None, wanted.now).limit(MAX_MATCHES + 1).subquery()
    conditions = [*conditions_of(wanted), *is_visible(wanted)]
    fits: ColumnElement[Any] = case((and_(*conditions), 1), else_=0) if conditions else func.count()
    found = func.sum(fits) if conditions else fits
    rows = connection.execute(
        select(day, func.count(), found)
        .select_from(newest.join(images, images.c.number == newest.c.rowid))
        .group_by(day)
    ).all()
    counts: Counter[Month] = Counter()
    for days, _all, fitting in rows:
        one = date_of(days)
        counts[Month(one.year, one.month)] += fitting
    return counts, sum(row[1] for row in rows) <= MAX_MATCHES


_COLUMNS = select(
    images.c.number,
    hex_of(images.c.id),
    images.c.width,
    images.c.height,
    dated,
    case((images.c.is_analysed, blobs.c.thumbhash)),
).select_from(images.join(blobs, blobs.c.sha256 == images.c.sha256))


def _of_viewer(viewer: Viewer) -> list[ColumnElement[Any]]:
    """The other columns; what an owner has marked and collected is shown to the owner only."""
    is_favourite: ColumnElement[Any] = images.c.is_favourite
    awaits_review: ColumnElement[Any] = images.c.awaits_review
    is_collected: ColumnElement[Any] = images.c.collection_id.is_not(None)
    if not viewer.sees_all:
        is_own = images.c.owner_id == viewer.owner_id
        is_favourite, awaits_review = (
            case((is_own, mark), else_=false()) for mark in (is_favourite, awaits_review)
        )
        is_collected = and_(is_own, is_collected)
    plain = [images.c.frames, images.c.status, images.c.visibility]
    return [is_favourite, *plain, is_collected, awaits_review]
