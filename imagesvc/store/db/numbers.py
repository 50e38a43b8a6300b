"""The next number of an image."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Integer
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import GenericFunction


class next_number(GenericFunction[int]):  # noqa: N801  # it is used as a function
    """A number that no image has, above all others that are committed."""

    type = Integer()
    inherit_cache = True


@compiles(next_number, "sqlite")
def _in_sqlite(_call: next_number, _compiler: SQLCompiler, **_options: Any) -> str:
    # One transaction writes at a time, so no two get the same.
    return "(SELECT coalesce(max(newest.number), 0) + 1 FROM images AS newest)"


@compiles(next_number, "postgresql")
def _in_postgres(_call: next_number, _compiler: SQLCompiler, **_options: Any) -> str:
    return "nextval('image_numbers')"
