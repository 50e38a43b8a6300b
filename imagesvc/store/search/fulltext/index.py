"""The table of the full-text index, and the condition that a row matches."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Text, TypeDecorator, column, literal, table
from sqlalchemy.engine import Dialect
from sqlalchemy.sql import literal_column

from imagesvc.store.db.schema.metadata import SEARCH_TABLE
from imagesvc.store.search.fulltext import fts5
from imagesvc.store.search.fulltext.expressions import Expression

search = table(SEARCH_TABLE, column("rowid", BigInteger))
"""Its `rowid` is the number of an image."""


class _Written(TypeDecorator[Expression]):
    """An expression in the language of the database."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Expression | None, dialect: Dialect) -> Any:
        """The text that the database reads."""
        if value is None or dialect.name != "sqlite":
            raise NotImplementedError(dialect.name)
        return fts5.written(value)


def matches(expression: Expression) -> ColumnElement[bool]:
    """Whether a row of `search` matches."""
    operand = literal(expression, _Written)
    return literal_column(SEARCH_TABLE).op("MATCH", is_comparison=True)(operand)
