"""Moving all rows of a database of SQLite into one of PostgreSQL, and comparing the two."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from sqlalchemy import JSON, Connection, Row, Table, func, select, text

from imagesvc.errors import Unavailable
from imagesvc.store.db.schema.whole import WHOLE

AT_ONCE = 1000
DERIVED = frozenset({"phash_bands"})
"""Tables that triggers fill from others."""


@dataclass(frozen=True, slots=True)
class TableDigest:
    """What a table has, whichever database it is in."""

    rows: int
    sha256: str


def digests_of(connection: Connection) -> dict[str, TableDigest]:
    """The digests of all tables by name."""
    return {table.name: _digest(connection, table) for table in WHOLE.sorted_tables}


def copy_rows(source: Connection, target: Connection) -> None:
    """Copy all rows, in the transactions of the caller.

    Raises:
        Unavailable: PostgreSQL refused rows; the text names the table.
    """
    for table in WHOLE.sorted_tables:
        if table.name in DERIVED:
            continue
        try:
            _copy_table(source, target, table)
        except psycopg.Error as error:
            reason = str(error).partition("\n")[0]
            raise Unavailable(f"Table {table.name} cannot be copied: {reason}") from error
    _continue_numbers(source, target)


def _copy_table(source: Connection, target: Connection, table: Table) -> None:
    dialect = target.dialect
    bind = [column.type.dialect_impl(dialect).bind_processor(dialect) for column in table.columns]
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    driver = target.connection.driver_connection
    assert driver is not None  # noqa: S101  # the connection is open
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
        for row in rows_of(source, table):
            copy.write_row(
                [
                    value if value is None or process is None else process(value)
                    for process, value in zip(bind, row, strict=True)
                ]
            )


def _continue_numbers(source: Connection, target: Connection) -> None:
    """Let PostgreSQL go on with the numbers that SQLite would give next."""
    newest = source.scalar(text("SELECT seq FROM sqlite_sequence WHERE name = 'events'"))
    number = target.scalar(select(func.max(WHOLE.tables["images"].c.number)))
    for sequence, last in (
        (text("pg_get_serial_sequence('events', 'id')"), newest),
        (text("'image_numbers'"), number),
    ):
        if last is not None:
            target.execute(text(f"SELECT setval({sequence}, :last)"), {"last": last})


def rows_of(connection: Connection, table: Table) -> Iterator[Row[Any]]:
    """All rows in the order of the primary key, which sorts the same in both databases."""
    query = select(table).order_by(*table.primary_key.columns)
    yield from connection.execution_options(yield_per=AT_ONCE).execute(query)


def _digest(connection: Connection, table: Table) -> TableDigest:
    digest, count = hashlib.sha256(), 0
    are_json = [isinstance(column.type, JSON) for column in table.columns]
    for row in rows_of(connection, table):
        values = [
            _plain(value) if is_json else str(value)
            for is_json, value in zip(are_json, row, strict=True)
        ]
        digest.update(json.dumps(values, sort_keys=True).encode() + b"\n")
        count += 1
    return TableDigest(count, digest.hexdigest())


def _plain(value: Any) -> Any:
    """A value of JSON as PostgreSQL returns it, which knows one kind of numbers."""
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
