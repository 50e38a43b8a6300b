"""The digests of files that were read before, in a small database of the importing user."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Self

from imagesvc.errors import Conflict
from imagesvc.model.ids import Digest

APPLICATION_ID = 0x696D7376
"""Marks the file as one of these."""
STORABLE = range(-(1 << 63), 1 << 63)
"""Times that SQLite can store; files with others, from the year 2262 on, are read each time."""
BUFFERED = 200
"""Files between two commits; those after the last commit are read again after a kill."""
_TABLE = """
CREATE TABLE IF NOT EXISTS files (
  path BLOB PRIMARY KEY, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL, sha256 TEXT NOT NULL
) WITHOUT ROWID
"""


class StateUnusable(Conflict):
    """The file is not the state of imports, or is damaged."""


class KnownFiles:
    """Digests by path, size and time of modification; it may be deleted at any time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._new: list[tuple[bytes, int, int, str]] = []
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._connection = sqlite3.connect(path, timeout=30, isolation_level=None)
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        try:
            self._prepare()
        except sqlite3.Error as error:
            self._connection.close()
            raise self._unusable(error) from error
        except BaseException:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        application = self._connection.execute("PRAGMA application_id").fetchone()[0]
        tables = self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and application != APPLICATION_ID:
            raise self._unusable("it is a database of another program")
        self._connection.execute("PRAGMA synchronous = OFF")  # it can be made again
        self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        self._connection.execute(_TABLE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        try:
            self.flush()
        finally:
            self._connection.close()

    def digest_of(self, path: Path, size: int, mtime_ns: int) -> Digest | None:
        """The digest of a file that has not changed since it was read; None if it must be read."""
        if mtime_ns not in STORABLE:
            return None
        row = self._connection.execute(
            "SELECT sha256 FROM files WHERE path = ? AND size = ? AND mtime_ns = ?",
            (os.fsencode(path), size, mtime_ns),
        ).fetchone()
        return None if row is None else Digest(row[0])

    def keep(self, path: Path, size: int, mtime_ns: int, digest: Digest) -> None:
        """Remember the digest of a file."""
        if mtime_ns not in STORABLE:
            return
        self._new.append((os.fsencode(path), size, mtime_ns, digest))
        if len(self._new) >= BUFFERED:
            self.flush()

    def flush(self) -> None:
        """Write what is to be remembered.

        Raises:
            StateUnusable: it cannot be written.
        """
        rows, self._new = self._new, []
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("REPLACE INTO files VALUES (?, ?, ?, ?)", rows)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _unusable(self, reason: object) -> StateUnusable:
        return StateUnusable(
            f"{self._path} cannot be used as the state of imports: {reason}. Delete it, or name "
            "another file with --state."
        )
