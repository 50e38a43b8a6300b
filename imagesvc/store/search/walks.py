"""Walks: statements that yield images in the order of a list, each along one index.

A walk goes only as far as it is read, and says of each row whether it fits what its index does
not decide. What a page costs is bounded by how many rows it looks at, whatever the table's size.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    and_,
    literal_column,
    select,
    tuple_,
    type_coerce,
)

from imagesvc.model.images import Visibility
from imagesvc.store.db.json_rows import listed_numbers
from imagesvc.store.db.schema.images import images
from imagesvc.store.search.conditions import Condition, has_not_expired, is_in_place
from imagesvc.store.search.dates import dated
from imagesvc.store.search.fulltext.expressions import Expression
from imagesvc.store.search.fulltext.index import matches, search
from imagesvc.store.search.listing import ImageFilter, Order, Position, Sort

MAX_SCANNED = 5_000
"""Rows that one page reads; a page with too few matches by then continues with its cursor."""
KEYS: dict[Sort, ColumnElement[Any]] = {
    Sort.TAKEN: dated,
    Sort.SIZE: images.c.bytes,
    Sort.NAME: images.c.name_key,
    Sort.TRASHED: type_coerce(images.c.trashed_at, BigInteger),
}

Bounds = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Step:
    """One image of a walk: its position, and whether the list shows it."""

    position: Position
    number: int
    fits: bool


def by_index(
    wanted: ImageFilter, order: Order, after: Position | None, bounds: Bounds | None
) -> list[Select[Any]]:
    """Walks along the indexes of `images`, whose merged rows are those of the filter's viewer.

    Each has whose images they are for an equality prefix: a union of both would be sorted.
    """
    key = KEYS.get(order.sort)
    place: list[ColumnElement[Any]] = [images.c.number]
    if key is not None:
        place.insert(0, key)
    found = []
    for whose in prefixes(wanted):
        query: Select[Any] = select(*place).where(whose, is_in_place(wanted))
        if bounds is not None:
            query = query.where(images.c.dated_at.between(*bounds))
        if after is not None:
            query = query.where(_is_after(place, after, order))
        found.append(_ordered(query, place, order))
    return found


def by_match(match: Expression, order: Order, after: Position | None, now: datetime) -> Select[Any]:
    """The walk along the full-text index, in the order of numbers."""
    exists = has_not_expired(search.c.rowid, now)
    query: Select[Any] = select(search.c.rowid).where(matches(match), exists)
    if after is not None:
        query = query.where(_is_after([search.c.rowid], after, order))
    return _ordered(query, [search.c.rowid], order)


def matches_image(match: Expression) -> Condition:
    """Whether the full-text index has an image for this expression; one lookup."""
    query: Select[Any] = select(literal_column("1")).select_from(search).where(matches(match))
    return query.where(search.c.rowid == images.c.number).correlate(images).exists()


def steps(
    connection: Connection,
    walks: Iterable[Select[Any]],
    conditions: Sequence[Condition],
    order: Order,
) -> Iterator[Step]:
    """The rows of walks as one, each image once."""
    merged = heapq.merge(
        *(_rows(connection, walk, conditions) for walk in walks),
        key=lambda step: step.position,
        reverse=order.is_descending,
    )
    last: Position | None = None
    for step in merged:
        if step.position != last:
            yield step
        last = step.position


def numbers_in(numbers: Sequence[int]) -> Condition:
    """Whether an image is one of these; the same statement for however many."""
    return images.c.number.in_(listed_numbers(numbers))


def _rows(
    connection: Connection, walk: Select[Any], conditions: Sequence[Condition]
) -> Iterator[Step]:
    if conditions:
        walk = walk.add_columns(_fits(walk, and_(*conditions)))
    result = connection.execute(walk.limit(MAX_SCANNED + 1))
    try:
        for row in result:
            *place, fits = row if conditions else (*row, True)
            yield Step(tuple(place), place[-1], bool(fits))
    finally:
        result.close()


def _fits(walk: Select[Any], condition: Condition) -> ColumnElement[Any]:
    if images in walk.get_final_froms():
        return condition
    row = select(condition).where(images.c.number == search.c.rowid)
    return row.correlate(search).scalar_subquery()


def prefixes(wanted: ImageFilter) -> list[Condition]:
    """Whose images a list has, as the beginnings of indexes; own ones may be public ones, too."""
    viewer = wanted.viewer
    if wanted.is_trash and wanted.owner_id is None and not viewer.sees_all:
        return [] if viewer.owner_id is None else [images.c.owner_id == viewer.owner_id]
    if wanted.collection_id is not None:
        return [images.c.collection_id == wanted.collection_id]
    if wanted.owner_id is not None:
        return [images.c.owner_id == wanted.owner_id]
    if viewer.sees_all:
        some = Visibility if wanted.visibility is None else [wanted.visibility]
        return [images.c.visibility == visibility for visibility in some]
    found: list[Condition] = []
    if wanted.visibility in {None, Visibility.PUBLIC}:
        found.append(images.c.visibility == Visibility.PUBLIC)
    if viewer.owner_id is not None and wanted.visibility is not Visibility.PUBLIC:
        found.append(images.c.owner_id == viewer.owner_id)
    return found


def _is_after(place: Sequence[ColumnElement[Any]], after: Position, order: Order) -> Condition:
    here, there = tuple_(*place), tuple_(*after)
    if len(place) == 1:
        return place[0] < after[0] if order.is_descending else place[0] > after[0]
    return here < there if order.is_descending else here > there


def _ordered(query: Select[Any], place: Sequence[ColumnElement[Any]], order: Order) -> Select[Any]:
    return query.order_by(*(part.desc() if order.is_descending else part.asc() for part in place))
