"""The move of the metadata of a data directory to PostgreSQL, while its server runs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import psycopg
from sqlalchemy import Connection, Engine

from imagesvc.errors import Unavailable
from imagesvc.store.db.postgres.database import PostgresDatabase
from imagesvc.store.db.postgres.election import TRY
from imagesvc.store.db.postgres.errors import explained
from imagesvc.store.db.postgres.transfer import TableDigest, copy_rows, digests_of
from imagesvc.store.db.sqlite.soundness import require_current
from imagesvc.store.db.sqlite.write_lock import WriteLock
from imagesvc.store.files.data_dir import DataDir


@dataclass(frozen=True, slots=True)
class Moved:
    """What PostgreSQL has after a move."""

    rows: Mapping[str, int]
    """By table."""
    was_done: bool
    """Whether an earlier move had done it."""


OTHER_ROWS = (
    "The database at database_url has other rows already. Give imagesvc an empty one: dropdb, "
    "createdb and imagesvc migrate --from make it."
)


@contextlib.contextmanager
def no_server_on(target: PostgresDatabase) -> Iterator[None]:
    """Keep the lock of the leader, without which servers collect no orphans.

    To a server on the new database, all blobs that were copied before the rows are orphans.

    Raises:
        Unavailable: a server has the lock, or PostgreSQL cannot be used now.
    """
    with explained():
        session = psycopg.connect(**target.connection_options, autocommit=True)
    with contextlib.closing(session):
        if session.execute(TRY).fetchone() != (True,):
            raise Unavailable(
                "A server runs on the database at database_url. Stop it: servers with these "
                "settings may start when the move has ended."
            )
        yield


def check_move(rows: Engine, data_dir: DataDir, target: PostgresDatabase) -> None:
    """Check that the rows can be moved, before anything else is done; it blocks.

    Args:
        rows: the engine of the data directory's database, which only reads.
        data_dir: the data directory.
        target: the database of PostgreSQL.

    Raises:
        NoDataDir: no server has been started there.
        DatabaseOlder, DatabaseNewer, SchemaDiffers: a database is that of another version.
        DatabaseDamaged: that of the data directory is.
        Unavailable: one cannot be used now, or PostgreSQL has other rows already.
    """
    data_dir.require()
    require_current(data_dir.database)
    target.check()
    found = target.fill(digests_of)
    if any(digest.rows for digest in found.values()):
        with rows.connect() as source:
            if digests_of(source) != found:
                raise Unavailable(OTHER_ROWS)


def move_rows(
    rows: Engine, data_dir: DataDir, target: PostgresDatabase, complete: Callable[[], None]
) -> Moved:
    """Copy all rows in one transaction, and compare them; it blocks.

    No server writes meanwhile, nor afterwards: the data directory then says that its metadata have
    moved. That is noted before the commit, so that no change is lost whenever the move is killed.
    The next one goes on from there.

    Args:
        rows: the engine of the data directory's database, which only reads.
        data_dir: the data directory.
        target: the database of PostgreSQL.
        complete: called before the copy, while no server writes; what it raises ends the move.

    Raises:
        Unavailable: a database cannot be used now, or PostgreSQL has other rows already.
    """
    lock = WriteLock(data_dir.database)
    try:
        with lock.hold(even_if_moved=True):
            complete()
            with rows.connect() as source:
                return _moved(source, target, lock)
    finally:
        lock.close()


def _moved(source: Connection, target: PostgresDatabase, lock: WriteLock) -> Moved:
    wanted = digests_of(source)

    def fill(connection: Connection) -> bool:
        found = digests_of(connection)
        if found == wanted:
            was_done = any(digest.rows for digest in wanted.values())
        elif any(digest.rows for digest in found.values()):
            raise Unavailable(OTHER_ROWS)
        else:
            was_done = False
            copy_rows(source, connection)
            _compare(wanted, digests_of(connection))
        lock.note_move()
        return was_done

    was_done = target.fill(fill)
    return Moved({name: digest.rows for name, digest in wanted.items()}, was_done)


def _compare(wanted: Mapping[str, TableDigest], found: Mapping[str, TableDigest]) -> None:
    differing = [name for name, digest in wanted.items() if found[name] != digest]
    if differing:
        raise Unavailable(
            f"After the copy, the rows of {', '.join(differing)} differ; nothing was kept."
        )
