"""The type of instants, and conditions without an index."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    TextClause,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Json = JSON().with_variant(JSONB(), "postgresql")
"""A value of JSON, in the form that needs no parsing where there is one."""


class Instant(TypeDecorator[datetime]):
    """An aware UTC instant, as microseconds since the epoch.

    SQLite has no type for instants. Integers compare as fast as they sort, and positions in lists
    are the same numbers in every database.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Aware datetime to microseconds."""
        del dialect
        return None if value is None else (value - EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Microseconds to an aware datetime."""
        del dialect
        return None if value is None else EPOCH + timedelta(microseconds=value)


def partial(condition: TextClause) -> dict[str, Any]:
    """The options of an index that has only the rows of a condition."""
    return {"sqlite_where": condition, "postgresql_where": condition}


def unindexed(column: Column[Any]) -> ColumnElement[Any]:
    """A column for which a condition must not use its own index.

    SQLite's planner does not know that an image has few jobs and a status many, and chooses the
    wrong index.
    """
    return func.coalesce(column, column)
