"""Pages of lists, the newest first: each continues after an id, for lists of any length.

Keyset pagination: a deep page costs the same as the first one, and concurrent inserts and deletes
shift nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select

T = TypeVar("T")


class Page(NamedTuple, Generic[T]):
    """Some items in order, and the id to continue after; None at the end."""

    items: list[T]
    next_after: UUID | None


def newest(
    query: Select[Any], ids: ColumnElement[UUID], *, limit: int, after: UUID | None
) -> Select[Any]:
    """The rows of a page, those older than `after`, and one more if there is a next page."""
    if after is not None:
        query = query.where(ids < after)
    return query.order_by(ids.desc()).limit(limit + 1)


def page_of(rows: Sequence[Row[Any]], limit: int, item_of: Callable[[Row[Any]], T]) -> Page[T]:
    """The page of the rows of `newest`."""
    return Page(
        [item_of(row) for row in rows[:limit]], rows[limit - 1].id if len(rows) > limit else None
    )
