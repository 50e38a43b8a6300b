"""The move of the metadata of a data directory to PostgreSQL, while its server runs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import psycopg
from anyio import to_thread
from sqlalchemy import Connection, Engine, text

from imagesvc.errors import Unavailable
from imagesvc.store.db.postgres.database import PostgresDatabase
from imagesvc.store.db.postgres.election import BEAT_SECONDS, TRY, TRY_ONCE, UNLOCK
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


SERVER_RUNS = (
    "A server runs on the database at database_url. Stop it: servers with these settings may start "
    "when the move has ended."
)
LOCK_LOST = (
    "PostgreSQL ended the session that keeps servers from starting on the database at "
    "database_url. The metadata did not move, and the server of the data directory goes on. Run "
    "the command again; what is in the bucket is not sent again."
)


class MoveLock:
    """The lock of the leader, without which servers collect no orphans.

    To a server on the new database, all blobs that were copied before the rows are orphans.
    """

    def __init__(self, session: psycopg.Connection[Any]) -> None:
        self._session = session

    async def lost(self) -> NoReturn:
        """Wait until the lock is lost.

        Raises:
            Unavailable: it is lost.
        """
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            await to_thread.run_sync(self._ask, "SELECT true")

    def hand_to(self, connection: Connection) -> None:
        """Let a transaction have the lock until it ends; it blocks.

        Raises:
            Unavailable: it was lost, or a server took it in between.
        """
        self._ask(UNLOCK)
        if not connection.scalar(text(TRY_ONCE)):
            raise Unavailable(SERVER_RUNS)

    def _ask(self, statement: str) -> None:
        try:
            found = self._session.execute(statement).fetchone()
        except psycopg.Error as error:
            raise Unavailable(LOCK_LOST) from error
        if found != (True,):
            raise Unavailable(LOCK_LOST)


@contextlib.contextmanager
def no_server_on(target: PostgresDatabase) -> Iterator[MoveLock]:
    """Keep servers from leading on a database until the move has ended.

    Raises:
        Unavailable: a server has the lock, or PostgreSQL cannot be used now.
    """
    try:
        session = psycopg.connect(**target.connection_options, autocommit=True)
    except psycopg.Error as error:
        reason = " ".join(str(error).split())
        raise Unavailable(f"The database at database_url cannot be used: {reason}") from error
    with contextlib.closing(session):
        session.execute(_NO_LIMIT)
        if session.execute(TRY).fetchone() != (True,):
            raise Unavailable(SERVER_RUNS)
        yield MoveLock(session)


_NO_LIMIT = "SET idle_session_timeout = 0"
"""It is silent while the rows are copied."""


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
    rows: Engine,
    data_dir: DataDir,
    target: PostgresDatabase,
    complete: Callable[[], None],
    hand_over: Callable[[Connection], None],
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
        hand_over: called with the transaction that is to keep servers from leading.

    Raises:
        Unavailable: a database cannot be used now, or PostgreSQL has other rows already.
    """
    lock = WriteLock(data_dir.database)
    try:
        with lock.hold(even_if_moved=True):
            complete()
            with rows.connect() as source:
                return _moved(source, target, lock, hand_over)
    finally:
        lock.close()


def _moved(
    source: Connection,
    target: PostgresDatabase,
    lock: WriteLock,
    hand_over: Callable[[Connection], None],
) -> Moved:
    wanted = digests_of(source)

    def fill(connection: Connection) -> bool:
        hand_over(connection)
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
