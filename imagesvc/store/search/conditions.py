"""The parts of a search without an index, as conditions on rows of `images`.

They apply to rows that something else has found: no index may be chosen for them.
"""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

from sqlalchemy import (
    Column,
    ColumnElement,
    exists,
    false,
    literal,
    not_,
    or_,
    select,
    text,
    true,
)

from imagesvc.model.images import Visibility
from imagesvc.store.db.json_rows import arrays_of
from imagesvc.store.db.schema.columns import unindexed
from imagesvc.store.db.schema.images import blobs, images
from imagesvc.store.search.colors import RADIUS, lab
from imagesvc.store.search.listing import ImageFilter
from imagesvc.store.search.terms import Colored, Dated, From, Measure, Query, Range, To

_MEASURES = {
    Measure.SIZE: images.c.bytes,
    Measure.WIDTH: images.c.width,
    Measure.HEIGHT: images.c.height,
}

Condition = ColumnElement[bool]


def is_in_place(wanted: ImageFilter) -> Condition:
    """Whether an image exists still, and is in the trash or not, as the filter wants it."""
    trashed_at = images.c.trashed_at
    is_there = trashed_at.is_not(None) if wanted.is_trash else trashed_at.is_(None)
    return is_there & has_not_expired(images.c.number, wanted.now)


def has_not_expired(number: ColumnElement[Any], now: datetime) -> Condition:
    """Whether the image of a number exists still, without reading its row.

    Images that have expired are few: they are deleted soon.
    """
    return number.not_in(select(images.c.number).where(images.c.expires_at <= now))


def is_visible(wanted: ImageFilter) -> list[Condition]:
    """Own images and public ones; of the trash only own ones. Some viewers see all."""
    viewer = wanted.viewer
    if viewer.sees_all:
        return []
    is_public = false() if wanted.is_trash else unindexed(images.c.visibility) == Visibility.PUBLIC
    if viewer.owner_id is None:
        return [is_public]
    return [or_(unindexed(images.c.owner_id) == viewer.owner_id, is_public)]


def conditions_of(wanted: ImageFilter) -> list[Condition]:
    """Measures, the exact distance of colours, and the plain filters."""
    found: list[Condition] = []
    for term in wanted.query.terms:
        match term.atom:
            case Range():
                condition = _within(term.atom)
            case Colored():
                condition = _has_color(term.atom)
            case _:
                continue
        found.append(not_(condition) if term.is_negated else condition)
    plain: tuple[tuple[Column[Any], Any], ...] = (
        (images.c.status, wanted.status),
        (images.c.collection_id, wanted.collection_id),
        (images.c.owner_id, wanted.owner_id),
        (images.c.visibility, wanted.visibility),
        (images.c.awaits_review, wanted.awaits_review),
    )
    return found + [unindexed(column) == value for column, value in plain if value is not None]


def _within(bounds: Range) -> Condition:
    column = unindexed(_MEASURES[bounds.measure])
    if bounds.least is None:
        return column <= bounds.most
    if bounds.most is None:
        return column >= bounds.least
    return column.between(bounds.least, bounds.most)


def _has_color(color: Colored) -> Condition:
    palette = arrays_of(blobs.c.palette_lab, "palette")
    differences = [
        palette.c.value[place].as_float() - part for place, part in enumerate(lab(color.rgb), 1)
    ]
    squares = [difference * difference for difference in differences]
    within = squares[0] + squares[1] + squares[2] <= literal(RADIUS * RADIUS)
    near = select(text("1")).select_from(blobs).join(palette, true()).where(within)
    is_near = exists(near.where(blobs.c.sha256 == images.c.sha256).correlate(images))
    return is_near & images.c.is_analysed


def dates_of(query: Query) -> tuple[datetime, datetime] | None:
    """First instant and last of a query whose dates are one span, whose other terms are measures.

    Such a query needs no more than a stretch of an index by date.
    """
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    for term in query.terms:
        atom = term.atom
        if isinstance(atom, Range):
            continue
        if term.is_negated or not isinstance(atom, Dated | From | To):
            return None
        day = atom.day
        if day.year is None or (day.month is None and day.day is not None):
            return None
        if not isinstance(atom, To):
            first = max(first, datetime.combine(day.first, time.min, UTC))
        if not isinstance(atom, From):
            midnight = datetime.combine(day.last, time.max, UTC)
            last = min(last, midnight)
    return first, last
