"""Rows that point at rows which were lost by damage; the database itself is sound."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from imagesvc.errors import Unavailable
from imagesvc.store.db.sqlite.soundness import read_only
from imagesvc.store.db.sqlite.write_lock import WriteLock

IMAGES, BLOBS = "images", "blobs"
_RECORD_BLOB = (
    "INSERT OR IGNORE INTO blobs (sha256, bytes, created_at) "
    "SELECT sha256, bytes, created_at FROM images WHERE rowid = ?"
)
MAX_NAMED = 20
"""Images that are named one by one."""
TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Dangling:
    """A row, and its columns that point at no row."""

    table: str
    rowid: int
    parent: str
    columns: tuple[str, ...]
    is_owned: bool
    """Whether a deletion of the parent deletes the row (`ON DELETE CASCADE`)."""


def dangling_faults_of(path: Path) -> list[str]:
    """The dangling rows of a sound database: those of a table in one line, images by name."""
    with contextlib.closing(read_only(path)) as connection:
        found = list(_dangling(connection))
        counts: dict[tuple[str, str], int] = {}
        for row in found:
            counts[row.table, row.parent] = counts.get((row.table, row.parent), 0) + 1
        counted = [
            f"{count:,} rows of {table} point at no row of {parent}"
            for (table, parent), count in counts.items()
        ]
        named = [row for row in found if row.table == IMAGES][:MAX_NAMED]
        return counted + [_image(connection, row) for row in named]


def remove_dangling(path: Path) -> int:
    """Remove rows whose parents were lost, as a deletion of the parents would have done.

    A column that may be empty is emptied instead: an image whose owner was lost stays. The row of
    an original is made again from that of its image: without it, the file would be an orphan.

    Returns:
        How many rows were removed or changed.

    Raises:
        Unavailable: the database cannot be written now.
    """
    changed = 0
    with (
        contextlib.closing(WriteLock(path)) as lock,
        lock.hold(),
        contextlib.closing(sqlite3.connect(path, TIMEOUT_SECONDS, isolation_level=None)) as opened,
    ):
        try:
            opened.execute("PRAGMA synchronous = FULL")
            opened.execute("BEGIN IMMEDIATE")
            while statements := [it for row in _dangling(opened) if (it := _mended(opened, row))]:
                for statement, rowid in statements:
                    changed += opened.execute(statement, [rowid]).rowcount
            opened.execute("COMMIT")
        except sqlite3.Error as error:
            raise Unavailable(f"The database {path} cannot be repaired: {error}.") from error
    return changed


def _dangling(connection: sqlite3.Connection) -> Iterator[Dangling]:
    keys: dict[str, dict[int, tuple[tuple[str, ...], bool]]] = {}
    for table, rowid, parent, number in connection.execute("PRAGMA foreign_key_check").fetchall():
        if table not in keys:
            keys[table] = _keys(connection, table)
        columns, is_owned = keys[table][number]
        yield Dangling(table, rowid, parent, columns, is_owned)


def _keys(connection: sqlite3.Connection, table: str) -> dict[int, tuple[tuple[str, ...], bool]]:
    """The foreign keys of a table by number: their columns, and whether they cascade."""
    found: dict[int, tuple[tuple[str, ...], bool]] = {}
    query = 'SELECT id, "from", on_delete FROM pragma_foreign_key_list(?)'
    for number, column, on_delete in connection.execute(query, [table]):
        columns, _ = found.get(number, ((), False))
        found[number] = (*columns, column), on_delete == "CASCADE"
    return found


def _mended(connection: sqlite3.Connection, row: Dangling) -> tuple[str, int] | None:
    """The statement that mends a row; None if only its deletion would."""
    if (row.table, row.parent) == (IMAGES, BLOBS):
        return _RECORD_BLOB, row.rowid
    if row.is_owned:
        return f'DELETE FROM "{row.table}" WHERE rowid = ?', row.rowid  # noqa: S608  # of the schema
    query = 'SELECT name FROM pragma_table_info(?) WHERE NOT "notnull"'
    if not set(row.columns) <= {name for (name,) in connection.execute(query, [row.table])}:
        return None
    emptied = ", ".join(f'"{column}" = NULL' for column in row.columns)
    return f'UPDATE "{row.table}" SET {emptied} WHERE rowid = ?', row.rowid  # noqa: S608  # the same


def _image(connection: sqlite3.Connection, row: Dangling) -> str:
    query = "SELECT id, sha256, filename FROM images WHERE rowid = ?"
    image_id, digest, filename = connection.execute(query, [row.rowid]).fetchone()
    return f'image {image_id} "{filename}" (original {digest}) points at no row of {row.parent}'
