"""The shared database: transactions of PostgreSQL on connections of a pool, in threads."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

import psycopg
from anyio import CapacityLimiter, to_thread
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError

from imagesvc.errors import (
    DatabaseFull,
    DatabaseUnavailable,
    ImagesvcError,
    OutcomeUnknown,
    Unavailable,
)
from imagesvc.outages.fullness import Fullness
from imagesvc.store.db.database import Database, Work
from imagesvc.store.db.failures import DatabaseFailures
from imagesvc.store.db.lease import Forget
from imagesvc.store.db.postgres.changes import Changes, change_of
from imagesvc.store.db.postgres.election import Election
from imagesvc.store.db.postgres.errors import READ_ONLY, explained, is_conflict, translated
from imagesvc.store.db.postgres.idle import IDLE_LIMIT, NO_LIMIT, OneByOne
from imagesvc.store.db.postgres.listener import Listener
from imagesvc.store.db.postgres.migrate import migrate, require_current
from imagesvc.store.db.postgres.moments import Moment, blobs_kept, moment_of
from imagesvc.store.db.postgres.pulse import Pulse, Sockets
from imagesvc.syntax.postgres_url import with_one_host

T = TypeVar("T")

CONNECTIONS = 8
ATTEMPTS = 30
_ONLY_READS = text("SELECT current_setting('transaction_read_only') = 'on'")
_TAKE_ROOM = text(
    "CREATE TEMPORARY TABLE trial_of_room ON COMMIT DROP AS "
    "SELECT repeat('x', 1000) AS filler FROM generate_series(1, 1000)"
)
"""About a mebibyte on the disk of the database, which no log of changes gets."""
_TAKE_TURN = text("LOCK TABLE job_engine_version IN EXCLUSIVE MODE")
"""Those who read the table do not wait, and nothing else is locked with it."""
OPTIONS = {
    "application_name": "imagesvc", "connect_timeout": "5",
    "keepalives_idle": "5", "keepalives_interval": "2", "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}  # fmt: skip
"""Of the connections, unless the URL has others.

Source: https://www.postgresql.org/docs/current/libpq-connect.html
"""
OPTIONS_OF_SEVERAL = {**OPTIONS, "connect_timeout": "2", "target_session_attrs": "read-write"}
"""The same for a primary and its standbys, of which a host that died is tried first."""


class PostgresDatabase(Database):
    """The database at a URL; connections are opened when they are needed, until `close()`."""

    damage_shown_by = "the log of PostgreSQL"
    damage_steps = "Stop imagesvc, and restore a backup of the database."

    def __init__(self, url: str, failures: DatabaseFailures | None = None) -> None:
        super().__init__(failures)
        self._engine = create_engine(
            _of_driver(url),
            pool_size=CONNECTIONS,
            max_overflow=0,
            pool_pre_ping=True,
            hide_parameters=True,
        )
        self._reads = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._writes = self._engine.execution_options(isolation_level="SERIALIZABLE")
        self._free = CapacityLimiter(CONNECTIONS)
        self._running: set[asyncio.Task[object]] = set()
        options = self.connection_options = _options_of(self._engine)
        """What psycopg needs for a connection of its own."""
        self._listener = Listener(options, self.wake)
        self.leadership = self._election = Election(options)
        self.lease = self._changes = Changes(options)
        sockets = Sockets()
        event.listen(self._engine, "do_connect", self._before_connection)
        event.listen(self._engine, "connect", sockets.added)
        event.listen(self._engine, "connect", _limit)
        event.listen(self._engine, "close", sockets.removed)
        self._fullness = Fullness("database", self._try_room)
        self._pulse = Pulse(options, sockets)

    def check(self) -> None:
        """See `Database`."""
        require_current(self._engine)

    def migrate(self) -> str | None:
        """Make or upgrade the tables, see `migrate`; it blocks."""
        return migrate(self._engine)

    def fill(self, work: Work[T]) -> T:
        """Run `work` once, in one transaction, however long that takes; it blocks.

        Raises:
            OutcomeUnknown: the database was lost while it committed.
            Unavailable: it cannot be used now; the text says why.
        """

        def unlimited(connection: Connection) -> T:
            connection.execute(NO_LIMIT)
            _driver_of(connection).cursor_factory = psycopg.Cursor  # which sends many at once
            try:
                return work(connection)
            finally:
                _driver_of(connection).cursor_factory = OneByOne

        with explained():
            return self._transact(unlimited)

    def moment(self) -> AbstractAsyncContextManager[Moment]:
        """All rows as they are now, see `moment_of`."""
        return moment_of(self._engine, self._in_thread)

    def blobs_kept(self) -> AbstractAsyncContextManager[None]:
        """Let additions and deletions of blobs wait, see `blobs_kept`."""
        return blobs_kept(self._engine, self._in_thread)

    async def check_writes(self) -> None:
        """See `Database`."""
        if await self.read(_only_reads):
            raise DatabaseUnavailable(READ_ONLY)
        await self._fullness.check()

    async def _try_room(self) -> None:
        await self.write(_try_room, wakes=False)

    async def size(self) -> int:
        """See `Database`; the log is that of all databases of the server, and not counted."""
        return await self.read(_size)

    async def close(self) -> None:
        """See `Database`."""
        await self._listener.stop()
        await self._election.stop()
        await self._changes.stop()
        await self._pulse.stop()
        await asyncio.gather(*self._running, return_exceptions=True)
        await to_thread.run_sync(self._engine.dispose)

    def follow_changes(self, forget: Forget) -> None:
        """See `Database`."""
        self._changes.start(forget)

    @contextlib.contextmanager
    def subscribe(self) -> Iterator[asyncio.Event]:
        """See `Database`: commits of all nodes."""
        self._listener.start()
        with super().subscribe() as waiting:
            yield waiting

    async def read(self, work: Work[T]) -> T:
        """See `Database`."""
        return await self._in_thread(lambda: self._read(work))

    async def write(self, work: Work[T], *, may_use_reserve: bool = False, wakes: bool = True) -> T:
        """See `Database`; there is no reserve."""
        del may_use_reserve

        def noted(connection: Connection) -> tuple[T, int | None]:
            return work(connection), change_of(connection)

        found, change = await self._in_thread(lambda: self._write(noted))
        if wakes:
            self.wake()
        if change is not None:
            await self._changes.noted_by_all(change, self.read)
        return found

    async def _in_thread(self, call: Callable[[], T]) -> T:
        """The result of a call in a thread; it ends also if its requester is cancelled."""
        task = asyncio.create_task(self._watched(call))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            found = await asyncio.shield(task)
        except ImagesvcError as error:
            self._note(error)
            if isinstance(error, DatabaseFull):
                self._fullness.note(error)
            raise
        self._note(None)
        return found

    def _before_connection(self, *_: object) -> None:
        self._pulse.check()

    async def _watched(self, call: Callable[[], T]) -> T:
        self._pulse.check()

        def work() -> T:
            self._pulse.check()  # it may have waited for a connection
            return call()

        with self._pulse.watched():
            return await to_thread.run_sync(work, limiter=self._free)

    def _read(self, work: Work[T]) -> T:
        with translated(), self._reads.connect() as connection:
            return work(connection)

    def _write(self, work: Work[T]) -> T:
        with translated():
            for attempt in range(ATTEMPTS):
                try:
                    return self._transact(work if attempt == 0 else _in_turn(work))
                except DBAPIError as error:
                    if not is_conflict(error):
                        raise
        raise Unavailable("Too many programs change the same rows.")

    def _transact(self, work: Work[T]) -> T:
        with self._writes.connect() as connection:
            found = work(connection)
            try:
                connection.commit()
            except DBAPIError as error:
                if error.connection_invalidated:
                    raise OutcomeUnknown("The database was lost while it committed.") from error
                raise
            return found


def _in_turn(work: Work[T]) -> Work[T]:
    """Work that has failed by a conflict, after all other such work of all nodes.

    Those that fail at the same time would fail again and again otherwise. A lock of a table is the
    only one that is taken before the transaction's view of the database.
    """

    def after_others(connection: Connection) -> T:
        connection.execute(_TAKE_TURN)
        return work(connection)

    return after_others


def _of_driver(text: str) -> URL:
    """The URL for SQLAlchemy, with the driver that is installed, and defaults of its options."""
    url = make_url(with_one_host(text))
    hosts = url.query.get("host", url.host or "")
    has_several = isinstance(hosts, tuple) or "," in hosts
    options = OPTIONS_OF_SEVERAL if has_several else OPTIONS
    return url.set(drivername="postgresql+psycopg", query={**options, **url.query})


def _driver_of(connection: Connection) -> psycopg.Connection[Any]:
    driver: psycopg.Connection[Any] = connection.connection.driver_connection  # type: ignore[assignment]  # of any
    return driver


def _limit(connection: psycopg.Connection[Any], *_: object) -> None:
    """End idle transactions, and let none seem to run while it waits for this process."""
    connection.cursor_factory = OneByOne
    connection.execute(IDLE_LIMIT)
    connection.commit()


def _only_reads(connection: Connection) -> bool:
    """Whether it is a standby, or was made read-only."""
    return bool(connection.scalar(_ONLY_READS))


def _try_room(connection: Connection) -> None:
    connection.execute(_TAKE_ROOM)


def _size(connection: Connection) -> int:
    size: int = connection.scalars(text("SELECT pg_database_size(current_database())")).one()
    return size


def _options_of(engine: Engine) -> Mapping[str, Any]:
    """What the driver needs to connect, outside the pool."""
    _, options = engine.dialect.create_connect_args(engine.url)
    return options
