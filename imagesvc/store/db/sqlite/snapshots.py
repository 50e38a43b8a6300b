"""Copies of the database for backups, and what is changed in one that is restored."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from imagesvc.errors import DatabaseDamaged, ElsewhereFull
from imagesvc.model.ids import Digest
from imagesvc.store.db.sqlite.foreign import names_in, renew_triggers
from imagesvc.store.db.sqlite.soundness import read_only

PAGES = 2000
"""Copied at a time: 8 MB."""
HELD = "Not sent: it was waiting when the backup was made. Replay it if it is needed."


class NoRoomForCopy(ElsewhereFull):
    """The disk of a copy is full, which need not be that of the data directory."""


def copy_database(source: Path, target: Path) -> None:
    """Copy a database that others write to, as it is at one moment, and check the copy.

    The copy is made within one read transaction. Without it, each commit of a writer would make
    SQLite begin again. The connection can neither write nor make a checkpoint.

    Raises:
        DatabaseDamaged: the copy is not sound.
        NoRoomForCopy: its disk is full.
    """
    try:
        _copy(source, target)
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorname", "") == "SQLITE_FULL":
            raise NoRoomForCopy(f"The disk of {target.parent} is full.") from error
        raise DatabaseDamaged(f"The database cannot be copied: {error}.") from error
    require_sound(target)


def _copy(source: Path, target: Path) -> None:
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
    with (
        contextlib.closing(read_only(source)) as reading,
        contextlib.closing(sqlite3.connect(target)) as writing,
    ):
        writing.execute("PRAGMA journal_mode = OFF")
        writing.execute("PRAGMA synchronous = OFF")  # the whole file is fsynced when it is stored
        reading.isolation_level = None
        reading.execute("BEGIN")
        reading.execute("SELECT count(*) FROM sqlite_schema")
        reading.backup(writing, pages=PAGES, sleep=0)
        reading.execute("COMMIT")


def require_sound(path: Path) -> None:
    """Check a database that nobody writes to.

    Raises:
        DatabaseDamaged: SQLite finds damage.
    """
    try:
        with contextlib.closing(read_only(path)) as connection:
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found != "ok":
        raise DatabaseDamaged(f"The database is damaged: {found}.")


def digests_in(path: Path) -> dict[Digest, int]:
    """All blobs that the rows of a database need, with their sizes."""
    with contextlib.closing(read_only(path)) as connection:
        return dict(connection.execute("SELECT sha256, bytes FROM blobs"))


def known_digests_in(path: Path) -> frozenset[Digest]:
    """All blobs that the rows of a database need, while others write to it.

    Raises:
        DatabaseDamaged: they cannot be read.
    """
    try:
        return frozenset(digests_in(path))
    except sqlite3.Error as error:
        raise DatabaseDamaged(f"The database cannot be read: {error}.") from error


def revision_of(path: Path) -> str:
    """The revision of its schema."""
    with contextlib.closing(read_only(path)) as connection:
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(revision)


def prepare_restored(path: Path, now: datetime) -> None:
    """Change what must not be repeated or mistaken after a restore.

    Deliveries that were waiting may have been sent since the backup, so they are not sent again.
    Events are removed, and ids of later ones begin beyond all that any server has given: the
    microseconds since 1970. A client that continues after an id of before is told to start over.
    Variants are not part of a backup, so their rows are removed. Blobs are restored as files, which
    have their digests for names. The restored installation has an id of its own, so that it does
    not take the bucket of one that may still run.
    """
    epoch = round(now.timestamp() * 1_000_000)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        renew_triggers(connection)
        connection.execute(
            "UPDATE webhook_deliveries SET status = 'failed', error = ?, finished_at = ? "
            "WHERE status = 'pending'",
            (HELD, epoch),
        )
        connection.execute("UPDATE webhooks SET last_event_id = ?", (epoch,))
        connection.execute("DELETE FROM events")
        connection.execute("DELETE FROM sqlite_sequence WHERE name = 'events'")
        connection.execute("INSERT INTO sqlite_sequence VALUES ('events', ?)", (epoch,))
        connection.execute("DELETE FROM variants")
        if _has_installation(connection):
            connection.execute("DELETE FROM installation")
            connection.execute("INSERT INTO installation VALUES (?)", (uuid4().hex,))
        for name in names_in(connection):
            connection.execute(f"UPDATE blobs SET {name} = NULL WHERE {name} IS NOT NULL")  # noqa: S608  # a constant
        connection.execute("COMMIT")


def _has_installation(connection: sqlite3.Connection) -> bool:
    """Whether there is a table of its id, which backups of earlier versions lack."""
    query = "SELECT count(*) FROM sqlite_schema WHERE name = 'installation'"
    return bool(connection.execute(query).fetchone()[0])
