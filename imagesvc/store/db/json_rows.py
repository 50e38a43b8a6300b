"""Elements of JSON arrays as rows, which each database writes differently."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    TableValuedAlias,
    Text,
    cast,
    column,
    literal,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from imagesvc.store.db.schema.columns import Json


class _Texts(FunctionElement[Any]):
    """The elements of an array of texts or numbers, each a row with a column `value`."""

    name = "texts"
    inherit_cache = True


class _Arrays(FunctionElement[Any]):
    """The elements of an array of arrays."""

    name = "arrays"
    inherit_cache = True


@compiles(_Texts, "sqlite")
@compiles(_Arrays, "sqlite")
def _in_sqlite(elements: _Texts | _Arrays, compiler: SQLCompiler, **options: Any) -> str:
    return f"json_each({compiler.process(elements.clauses, **options)})"


@compiles(_Texts, "postgresql")
def _texts_in_postgres(elements: _Texts, compiler: SQLCompiler, **options: Any) -> str:
    return f"jsonb_array_elements_text({compiler.process(elements.clauses, **options)})"


@compiles(_Arrays, "postgresql")
def _arrays_in_postgres(elements: _Arrays, compiler: SQLCompiler, **options: Any) -> str:
    return f"jsonb_array_elements({compiler.process(elements.clauses, **options)})"


def texts_of(array: ColumnElement[Any]) -> TableValuedAlias:
    """A table with the column `value`: the elements of an array of texts."""
    return _Texts(array).table_valued(column("value", Text))


def arrays_of(array: ColumnElement[Any], name: str | None = None) -> TableValuedAlias:
    """A table with the column `value`: the elements of an array of arrays."""
    return _Arrays(array).table_valued(column("value", Json), name=name)


def arrays(values: Sequence[Sequence[int]]) -> TableValuedAlias:
    """As `arrays_of`, of given arrays; the same statement for however many."""
    return arrays_of(literal(values, Json))


def number_in(array: ColumnElement[Any], place: int) -> ColumnElement[int]:
    """A whole number of an array."""
    return cast(array[place].as_string(), BigInteger)


def listed(texts: Sequence[str]) -> Select[Any]:
    """Texts to compare a column with, by `in_`; the same statement for however many."""
    return select(texts_of(literal(list(texts), Json)).c.value)


def listed_numbers(numbers: Sequence[int]) -> Select[Any]:
    """As `listed`, of whole numbers."""
    return select(cast(texts_of(literal(list(numbers), Json)).c.value, BigInteger))
