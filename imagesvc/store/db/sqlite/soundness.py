"""Damage that SQLite finds in the database file, without writing."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Engine, create_engine
from sqlalchemy.pool import NullPool

from imagesvc.errors import DatabaseDamaged, Unavailable
from imagesvc.store.db.database import NEXT_STEPS
from imagesvc.store.db.sqlite.expected import differences
from imagesvc.store.db.sqlite.migrate import (
    HEAD,
    check_not_newer,
    check_not_older,
    check_schema,
    is_known,
)

MAX_FAULTS = 20
"""The maximum of reported errors."""
NEEDED = {"images", "blobs", "jobs"}


def faults_of(path: Path) -> list[str]:
    """What is wrong with a database; nothing when it is sound.

    `integrity_check` and not `quick_check`, since that passes over indexes which lack rows. Both
    read the file once; the first also looks each row up in each index. For a million rows of
    0.3 kB with three indexes that takes 8.2 s and not 0.4: little beside reading their originals.

    Source: https://sqlite.org/pragma.html#pragma_integrity_check
    """
    if not path.exists() or path.stat().st_size == 0:
        return ["the file is missing or empty"]
    faults: list[str] = []
    try:
        with contextlib.closing(read_only(path)) as connection:
            faults += _integrity(connection)
            faults += _unreadable(connection) if faults else _missing(connection)
    except sqlite3.DatabaseError as error:
        faults.append(str(error))
    return faults


def _integrity(connection: sqlite3.Connection) -> list[str]:
    faults: list[str] = []
    try:
        for (text,) in connection.execute(f"PRAGMA integrity_check({MAX_FAULTS})"):
            faults += [] if text == "ok" else [text]
    except sqlite3.DatabaseError as error:  # damage that ends the check
        faults.append(str(error))
    return faults


def _unreadable(connection: sqlite3.Connection) -> list[str]:
    """The tables of a damaged database that cannot be read in order, as a dump reads them."""
    found = connection.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%'"
    )
    faults = []
    for (name,) in found.fetchall():
        try:
            for _ in connection.execute(f'SELECT * FROM "{name}" NOT INDEXED'):  # noqa: S608  # of the schema
                pass
        except sqlite3.DatabaseError as error:
            faults.append(f"the table {name} cannot be read whole: {error}")
    return faults or ["all tables can be read: only indexes are damaged"]


def is_damage(error: Exception) -> bool:
    """Whether an error of SQLite says that the file is damaged, and not that it is locked."""
    is_operational = isinstance(error, sqlite3.OperationalError)
    return isinstance(error, sqlite3.DatabaseError) and not is_operational


def schema_faults_of(path: Path) -> list[str]:
    """Differences between the schema of a valid database and its revision.

    That of an older revision is not compared: the next start migrates it.
    """
    with contextlib.closing(read_only(path)) as connection:
        return differences(connection) if _revisions(connection) == [HEAD] else []


def _missing(connection: sqlite3.Connection) -> list[str]:
    found = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
    missing = NEEDED - {name for (name,) in found}
    return [f"there is no table {name}" for name in sorted(missing)]


def newer_faults_of(path: Path) -> list[str]:
    """Whether a valid database is that of a newer version, whose schema is unknown here."""
    with contextlib.closing(read_only(path)) as connection:
        return [
            f"it was made by a newer version of imagesvc (schema {revision})"
            for revision in _revisions(connection)
            if not is_known(revision)
        ]


def require_current(path: Path) -> None:
    """Make sure that a database can be read as one of this version, without writing.

    Raises:
        DatabaseNewer, DatabaseOlder, SchemaDiffers: it is that of another version.
        DatabaseDamaged: it is no database, or was lost.
        Unavailable: it cannot be read now, or has no schema.
    """
    try:
        with contextlib.closing(read_only(path)) as connection:
            (revision, *_) = [*_revisions(connection), None]
            check_not_newer(revision, path)
            check_not_older(revision, path)
            if revision == HEAD:
                check_schema(connection, path)
                return
    except sqlite3.OperationalError as error:
        raise Unavailable(f"The database {path} cannot be read: {error}.") from error
    except sqlite3.DatabaseError as error:
        raise DatabaseDamaged(f"The database {path} is damaged. {NEXT_STEPS}") from error
    raise Unavailable(f"The database {path} has no schema yet. The start of a server makes it.")


def _revisions(connection: sqlite3.Connection) -> list[str]:
    """The revision of a database; none where it has no table for it."""
    try:
        found = connection.execute("SELECT version_num FROM alembic_version")
    except sqlite3.OperationalError:  # no such table: `_missing` has others
        return []
    return [revision for (revision,) in found]


def read_only(path: Path) -> sqlite3.Connection:
    """A connection that writes nothing, also in a directory that nothing can be written in.

    There, SQLite cannot make the index of its log. Without a log it can be told that nothing
    changes; with one it needs the index, which a running server has.

    Raises:
        sqlite3.DatabaseError: the file is no database, or cannot be read.
    """
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema")
    except sqlite3.OperationalError:
        connection.close()
        log = path.with_name(f"{path.name}-wal")
        if log.exists() and log.stat().st_size:
            raise
        connection = sqlite3.connect(f"{uri}&immutable=1", uri=True, check_same_thread=False)
    return connection


def read_only_engine(path: Path) -> Engine:
    """An engine of such connections."""
    engine = create_engine("sqlite://", creator=lambda: read_only(path), poolclass=NullPool)
    return engine.execution_options(isolation_level="AUTOCOMMIT")
