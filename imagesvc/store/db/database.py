"""The metadata database: one writer thread with group commit, readers apart.

Queries are plain functions of a SQLAlchemy `Connection`. The embedded engine runs them in
threads of its own: through aiosqlite each statement crosses to a thread and back four times
(0.30 ms of processor time a statement, measured, against 0.06 ms in the thread). A Postgres
engine can run the same functions with `AsyncConnection.run_sync`.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import structlog
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from imagesvc.errors import DatabaseDamaged, ImagesvcError, InsufficientStorage, Unavailable
from imagesvc.store.files.reserve import Reserve

log = structlog.get_logger()

NEXT_STEPS = (
    "Stop the server and copy the data directory. Then restore a copy of imagesvc.db, or recover "
    "what can be read of it with: sqlite3 imagesvc.db .recover | sqlite3 recovered.db. Do not run "
    "imagesvc gc before imagesvc check finds nothing: originals whose rows are lost look unused."
)
"""For an operator whose database is damaged."""

T = TypeVar("T")
Work = Callable[[Connection], T]

READERS = 4
MAX_BATCH = 128
_STOP = None
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
_FULL = {"SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"}  # the latter: no room for the index of the log


def sqlite_engine(path: Path, **options: Any) -> Engine:
    """An engine whose connections are set up as invariant 1 needs: WAL, and fsync at commit."""
    engine = create_engine(
        f"sqlite:///{path}",
        poolclass=NullPool,
        connect_args={"check_same_thread": False},
        **options,
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: sqlite3.Connection, _record: object) -> None:
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "busy_timeout = 10000",
            "cache_size = -16384",
            "temp_store = MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")

    return engine.execution_options(isolation_level="AUTOCOMMIT")


@contextlib.contextmanager
def transaction(connection: Connection) -> Iterator[None]:
    """A write transaction that waits for its turn at the start, never in the middle."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")
    try:
        yield
        connection.exec_driver_sql("COMMIT")
    except BaseException:
        with contextlib.suppress(DBAPIError):  # SQLite may have rolled back on its own
            connection.exec_driver_sql("ROLLBACK")
        raise


@dataclass(slots=True)
class _Pending:
    """One write that waits for its transaction."""

    work: Work[Any]
    future: asyncio.Future[Any]
    makes_room: bool
    result: Any = None
    error: BaseException | None = None

    def run(self, connection: Connection) -> None:
        self.result = self.work(connection)

    def settle(self) -> None:
        if self.future.cancelled():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class Database:
    """The embedded database at `path`; open from `open()` to `close()`."""

    def __init__(
        self, path: Path, reserve: Reserve | None = None, *, engine: Engine | None = None
    ) -> None:
        self.path = path
        self.is_damaged = False
        """Whether a statement has met damage since the start."""
        self._reserve = reserve
        self._engine = engine or sqlite_engine(path)
        self._queue: queue.SimpleQueue[_Pending | None] = queue.SimpleQueue()
        self._local = threading.local()
        self._reader_connections: list[Connection] = []
        self._readers = ThreadPoolExecutor(READERS, "imagesvc-db-reader")
        self._writer: threading.Thread | None = None
        self._waiting: set[asyncio.Event] = set()

    def open(self) -> None:
        """Start the writer; call it in the event loop that will await the results."""
        loop = asyncio.get_running_loop()
        self._writer = threading.Thread(
            target=self._write_loop, args=(loop,), name="imagesvc-db-writer"
        )
        self._writer.start()

    async def close(self) -> None:
        """Finish the writes that wait, then close every connection."""
        self._queue.put(_STOP)
        if self._writer is not None:
            await asyncio.to_thread(self._writer.join)
        await asyncio.to_thread(self._readers.shutdown)
        for connection in self._reader_connections:
            connection.close()
        self._engine.dispose()

    async def read(self, work: Work[T]) -> T:
        """Run `work` on a reader's connection, where each statement sees the newest commit.

        Raises:
            Unavailable: the database cannot be read now.
            DatabaseDamaged: what is wanted of it is damaged.
        """
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._readers, self._read, work)
        except DatabaseDamaged:
            self.note_damage()
            raise

    def note_damage(self) -> None:
        """Remember that the database is damaged; an operator is told once."""
        if not self.is_damaged:
            self.is_damaged = True
            log.error("the database is damaged", action="database.damaged", next=NEXT_STEPS)

    async def write(self, work: Work[T], *, makes_room: bool = False) -> T:
        """Run `work` in a transaction; on return it is committed and on disk.

        Writes that wait at the same time share one commit, and so one fsync. When one of them
        raises, all are rolled back and run again, each in a transaction of its own: `work` must
        depend on nothing but its connection. What `makes_room` may use the reserve on a full disk.

        Raises:
            InsufficientStorage: the disk is full; nothing was changed.
            Unavailable: the database cannot be written now; nothing was changed.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put(_Pending(work, future, makes_room))
        # A cancelled asker must not leave a half-known outcome: the write goes on regardless.
        return await asyncio.shield(future)

    def _read(self, work: Work[T]) -> T:
        connection: Connection | None = getattr(self._local, "connection", None)
        with translated():
            if connection is None:
                connection = self._engine.connect()
                self._local.connection = connection
                self._reader_connections.append(connection)
            return work(connection)

    def _write_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        connection = self._engine.connect()
        try:
            while (first := self._queue.get()) is not _STOP:
                batch = [first, *self._drain()]
                self._commit(connection, batch)
                loop.call_soon_threadsafe(self._settle, batch)
        finally:
            connection.close()

    def _settle(self, batch: list[_Pending]) -> None:
        for item in batch:
            if isinstance(item.error, DatabaseDamaged):
                self.note_damage()
            item.settle()
        if any(item.error is None for item in batch):  # who fails to write must not wake himself
            self.wake()

    def wake(self) -> None:
        """Set the events of all who wait for a commit; call it in the event loop."""
        for waiting in self._waiting:
            waiting.set()

    @contextlib.contextmanager
    def woken(self) -> Iterator[asyncio.Event]:
        """An event that is set after each commit of this process."""
        waiting = asyncio.Event()
        self._waiting.add(waiting)
        try:
            yield waiting
        finally:
            self._waiting.discard(waiting)

    def _drain(self) -> list[_Pending]:
        waiting: list[_Pending] = []
        while len(waiting) < MAX_BATCH:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
            if item is _STOP:
                self._queue.put(_STOP)
                break
            waiting.append(item)
        return waiting

    def _commit(self, connection: Connection, batch: list[_Pending]) -> None:
        try:
            with translated(), transaction(connection):
                for item in batch:
                    item.run(connection)
        except BaseException as error:  # noqa: BLE001  # every asker must get an answer
            if len(batch) > 1:
                for item in batch:
                    self._commit(connection, [item])
            elif self._has_more_room_for(batch[0], error):
                self._commit(connection, batch)
            else:
                batch[0].error = error

    def _has_more_room_for(self, item: _Pending, error: BaseException) -> bool:
        if not (item.makes_room and isinstance(error, InsufficientStorage)):
            return False
        return self._reserve is not None and self._reserve.release()


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn the driver's errors into ours, once, here."""
    try:
        yield
    except OperationalError as error:
        if _error_name(error) in _FULL:
            raise InsufficientStorage("The disk that holds the database is full.") from error
        raise Unavailable("The database cannot be used now.") from error
    except DBAPIError as error:
        if _error_name(error).startswith(_DAMAGED):
            raise DatabaseDamaged("The database is damaged.") from error
        if error.connection_invalidated:
            raise Unavailable("The database cannot be used now.") from error
        raise ImagesvcError("The database refused a statement.") from error


def _error_name(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlite_errorname", "")
