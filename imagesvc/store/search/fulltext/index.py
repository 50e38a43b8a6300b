"""The table of the full-text index, and the condition that a row matches."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    BinaryExpression,
    Boolean,
    ColumnElement,
    Text,
    TypeDecorator,
    column,
    literal,
    literal_column,
    table,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.operators import custom_op

from imagesvc.store.db.schema.metadata import SEARCH_TABLE
from imagesvc.store.search.fulltext import fts5, tsquery
from imagesvc.store.search.fulltext.expressions import Expression

search = table(SEARCH_TABLE, column("rowid", BigInteger))
"""Its `rowid` is the number of an image."""


class _Written(TypeDecorator[Expression]):
    """An expression in the language of the database."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Expression | None, dialect: Dialect) -> Any:
        """The text that the database reads."""
        if value is None:
            raise TypeError(value)
        return (fts5 if dialect.name == "sqlite" else tsquery).written(value)


class _Matches(BinaryExpression[bool]):
    """Whether a row of the index matches an expression, by MATCH of FTS5 where nothing else is."""

    inherit_cache = True


@compiles(_Matches, "postgresql")
def _in_postgres(matching: _Matches, compiler: SQLCompiler, **options: Any) -> str:
    return f"{SEARCH_TABLE}.words @@ CAST({compiler.process(matching.right, **options)} AS tsquery)"


def matches(expression: Expression) -> ColumnElement[bool]:
    """Whether a row of `search` matches."""
    operand = literal(expression, _Written)
    match: custom_op[bool] = custom_op("MATCH", is_comparison=True)
    return _Matches(literal_column(SEARCH_TABLE), operand, match, type_=Boolean())
