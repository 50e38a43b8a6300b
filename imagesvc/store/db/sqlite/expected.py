"""The schema that this version expects of a database at its newest revision."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from functools import cache
from pathlib import Path

NEWEST = Path(__file__).parent / "migrations" / "newest.sql"
"""The result of all migrations of an empty SQLite database, written by `make schema`."""
MAX_DIFFERENCES = 5
"""The maximum of reported differences."""
HINT = (
    "An unreleased version of imagesvc may have made it. Start with a new data directory and "
    "upload again, or restore a copy of the data directory that a released version made."
)
"""For an operator whose database has another schema."""

_PARTS = """
WITH own AS (
  SELECT type, name, tbl_name FROM sqlite_schema s
  WHERE sql IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM sqlite_schema v
    WHERE v.sql LIKE 'CREATE VIRTUAL TABLE%' AND s.tbl_name GLOB v.name || '_*'
  )
)
SELECT type, name, tbl_name FROM own
UNION ALL
SELECT 'column', own.name || '.' || c.name || iif(c."notnull", ' (not null)', ''), own.name
FROM own JOIN pragma_table_info(own.name) c WHERE own.type = 'table'
"""
# Without the tables that a virtual one makes for itself, which depend on the version of SQLite.
# Names, and not the text of the statements: that may differ with the path of a database through
# the migrations, and the versions of SQLite that ran them.

Part = tuple[str, str]


def differences(connection: sqlite3.Connection) -> list[str]:
    """The missing parts of a database's schema, and extra parts in expected tables.

    Additional tables, indexes and triggers are no difference.
    """
    found, tables = _parts_of(connection)
    expected, expected_tables = _expected()
    missing = [
        f"there is no {kind} {name}"
        for kind, name in sorted(expected - found.keys())
        if kind != "column" or _table_of(name) in tables
    ]
    surplus = [
        f"there is an unknown column {name}"
        for (kind, name), table in sorted(found.items())
        if kind == "column" and (kind, name) not in expected and table in expected_tables
    ]
    return (missing + surplus)[:MAX_DIFFERENCES]


def statements() -> Iterator[str]:
    """The statements that make the schema, triggers and all."""
    statement = ""
    for line in NEWEST.read_text("utf-8").splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _parts_of(connection: sqlite3.Connection) -> tuple[dict[Part, str], set[str]]:
    """The parts of a schema with the table of each, and its tables."""
    parts = {(kind, name): table for kind, name, table in connection.execute(_PARTS)}
    return parts, {name for kind, name in parts if kind == "table"}


@cache
def _expected() -> tuple[frozenset[Part], frozenset[str]]:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        for statement in statements():
            connection.execute(statement)
        parts, tables = _parts_of(connection)
    return frozenset(parts), frozenset(tables)


def _table_of(column: str) -> str:
    return column.partition(".")[0]
