"""Elements of JSON arrays as rows, which each database writes differently."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import JSON, ColumnElement, Select, TableValuedAlias, literal, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class _Elements(FunctionElement[Any]):
    """The elements of an array, each a row with a column `value`."""

    name = "elements"
    inherit_cache = True


@compiles(_Elements, "sqlite")
def _in_sqlite(elements: _Elements, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_each({compiler.process(elements.clauses, **options)})"


def elements_of(array: ColumnElement[Any], name: str | None = None) -> TableValuedAlias:
    """A table with the column `value`: the elements of an array of texts or numbers."""
    return _Elements(array).table_valued("value", name=name)


def listed(values: Sequence[Any]) -> Select[Any]:
    """Values to compare a column with, by `in_`; the same statement for however many."""
    return select(elements_of(literal(list(values), JSON)).c.value)
