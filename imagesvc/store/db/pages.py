"""Pages of lists, the newest first: each goes on after an id, however long the list is.

Keyset pagination, that is: a deep page costs what the first one does, and what comes and goes
meanwhile shifts nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select

T = TypeVar("T")


class Page(NamedTuple, Generic[T]):
    """Some items in order, and the id to go on after; None at the end."""

    items: list[T]
    next_after: UUID | None


def newest(
    query: Select[Any], ids: ColumnElement[UUID], *, limit: int, after: UUID | None
) -> Select[Any]:
    """The rows of a page, those older than `after`, and one more that tells of a next page."""
    if after is not None:
        query = query.where(ids < after)
    return query.order_by(ids.desc()).limit(limit + 1)


def page_of(rows: Sequence[Row[Any]], limit: int, item_of: Callable[[Row[Any]], T]) -> Page[T]:
    """The page that the rows of `newest` hold."""
    return Page(
        [item_of(row) for row in rows[:limit]], rows[limit - 1].id if len(rows) > limit else None
    )
