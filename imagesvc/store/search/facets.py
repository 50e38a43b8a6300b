"""Facets: the most frequent tags, cameras, years, formats and colours of a list."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    func,
    select,
    true,
)

from imagesvc.store.db.database import Database
from imagesvc.store.db.json_rows import texts_of
from imagesvc.store.db.schema.images import blobs, images
from imagesvc.store.search.conditions import is_in_place, is_visible
from imagesvc.store.search.dates import date_of, day
from imagesvc.store.search.listing import ImageFilter, Order, Sort
from imagesvc.store.search.search import Asked, page_numbers
from imagesvc.store.search.walks import MAX_SCANNED, numbers_in

MAX_VALUES = 50
_BY_UPLOAD = Order(Sort.CREATED, is_descending=True)
_CAMERA = func.trim(
    func.coalesce(images.c.exif["make"].as_string() + " ", "")
    + func.coalesce(images.c.exif["model"].as_string(), "")
)

Values = list[tuple[str, int]]
"""Values with how many images have each, the most frequent first."""


@dataclass(frozen=True, slots=True)
class FacetCounts:
    """The facets of the newest images of a list."""

    tags: Values
    cameras: Values
    years: Values
    formats: Values
    colors: Values
    """Names of colours."""
    images: int
    """How many images were counted."""
    is_exact: bool
    """Whether these are all images of the list."""


class Facets:
    """The facets of the lists of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, wanted: ImageFilter) -> FacetCounts:
        """The facets of a list, of the newest of `MAX_SCANNED` images that are looked at.

        Raises:
            InvalidQuery: as for a page of the list.
        """

        def work(connection: Connection) -> FacetCounts:
            asked = Asked(connection, wanted, _BY_UPLOAD)
            numbers, next_after = page_numbers(asked, MAX_SCANNED, None)
            among = [numbers_in(numbers), is_in_place(wanted), *is_visible(wanted)]
            tags = texts_of(images.c.tags)
            hues = texts_of(blobs.c.hues)
            of_tags = images.join(tags, true())
            analysed = images.join(blobs, blobs.c.sha256 == images.c.sha256)
            of_hues = analysed.join(hues, true())
            return FacetCounts(
                _counts(connection, tags.c.value, among, of_tags),
                _counts(connection, _CAMERA, among),
                _years(connection, among),
                _counts(connection, images.c.format, among),
                _counts(connection, hues.c.value, [*among, images.c.is_analysed], of_hues),
                len(numbers),
                is_exact=next_after is None,
            )

        return await self._database.read(work)


def _counts(
    connection: Connection,
    value: ColumnElement[Any],
    among: list[ColumnElement[bool]],
    source: FromClause = images,
) -> Values:
    count = func.count()
    query = select(value, count).select_from(source).where(*among, value != "").group_by(value)
    rows = connection.execute(query.order_by(count.desc(), value).limit(MAX_VALUES))
    return [(str(found), number) for found, number in rows]


def _years(connection: Connection, among: list[ColumnElement[bool]]) -> Values:
    counts: Counter[str] = Counter()
    for number, found in connection.execute(select(day, func.count()).where(*among).group_by(day)):
        counts[f"{date_of(number).year:04}"] += found
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MAX_VALUES]
