"""Ids as 32 hexadecimal digits, without objects for each: SQLite stores them so."""

from __future__ import annotations

from typing import Any

from sqlalchemy import String
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction


class hex_of(GenericFunction[str]):  # noqa: N801  # it is used as a function
    """The digits of a column of ids."""

    type = String()
    inherit_cache = True


@compiles(hex_of, "sqlite")
def _in_sqlite(ids: hex_of, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(ids.clauses, **options)


@compiles(hex_of, "postgresql")
def _in_postgres(ids: hex_of, compiler: SQLCompiler, **options: Any) -> str:
    return f"replace(CAST({compiler.process(ids.clauses, **options)} AS text), '-', '')"
