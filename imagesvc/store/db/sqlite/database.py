"""The embedded database: one connection that writes, with group commit, and several that read.

Queries are plain functions of a SQLAlchemy `Connection`. Each crosses to the thread of an
aiosqlite connection once: SQLAlchemy's own dialect of aiosqlite crosses for every statement,
which takes six times the processor time.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from imagesvc.errors import ImagesvcError, InsufficientStorage, Unavailable
from imagesvc.outages.trials import Trials
from imagesvc.store.db.database import Database, T, Work
from imagesvc.store.db.failures import DatabaseFailures
from imagesvc.store.db.sqlite.connections import UnitConnection
from imagesvc.store.db.sqlite.engine import sqlite_engine, transaction, translated
from imagesvc.store.db.sqlite.soundness import require_current
from imagesvc.store.db.sqlite.write_lock import HAVE_MOVED, WriteLock
from imagesvc.store.files.reserve import Reserve

READERS = 4
MAX_BATCH = 128
TRIAL_SECONDS = 2.0
"""The minimum time between two trials of the lock, for any rate of readiness checks."""
LOCK_SECONDS = 0.5
"""How long such a trial waits for it."""


@dataclass(slots=True)
class _Pending:
    """One write that waits for its transaction."""

    work: Work[Any]
    future: asyncio.Future[Any]
    may_use_reserve: bool
    wakes: bool
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


class EmbeddedDatabase(Database):
    """SQLite's database at `path`; connections are opened at first use, until `close()`."""

    def __init__(
        self,
        path: Path,
        reserve: Reserve | None = None,
        *,
        engine: Engine | None = None,
        failures: DatabaseFailures | None = None,
        write_lock: WriteLock | None = None,
    ) -> None:
        super().__init__(failures)
        self.path = path
        self._reserve = reserve
        self._engine = engine or sqlite_engine(path)
        self._writer = UnitConnection(self._engine)
        self._readers = [UnitConnection(self._engine, only_reads=True) for _ in range(READERS)]
        self._write_lock = write_lock or WriteLock(path)
        self._idle: asyncio.LifoQueue[UnitConnection] = asyncio.LifoQueue()
        for reader in self._readers:
            self._idle.put_nowait(reader)
        self._returning: set[asyncio.Task[None]] = set()
        self._pending: deque[_Pending] = deque()
        self._flushing: asyncio.Task[None] | None = None
        self._trials = Trials(partial(asyncio.to_thread, self._refusal), TRIAL_SECONDS)
        """Of the lock of writers, once it was refused."""

    def check(self) -> None:
        """See `Database`."""
        require_current(self.path)

    async def check_writes(self) -> None:
        """See `Database`; the disk of the data directory is checked as a whole.

        Raises:
            Unavailable: the rows have moved, or another program keeps the lock of writers.
        """
        if await asyncio.to_thread(lambda: self._write_lock.has_moved):
            raise Unavailable(HAVE_MOVED)
        if self._trials.failure is not None:
            await self._trials.check()

    def _refusal(self) -> ImagesvcError | None:
        """What a write would meet now: the lock is taken as by another process."""
        with closing(WriteLock(self.path, LOCK_SECONDS)) as lock:
            try:
                with lock.hold():
                    return None
            except Unavailable as error:
                return error

    async def size(self) -> int:
        """See `Database`."""
        return await asyncio.to_thread(self._size)

    def _size(self) -> int:
        files = (self.path, self.path.with_name(f"{self.path.name}-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    async def close(self) -> None:
        """See `Database`."""
        while self._flushing is not None:
            await asyncio.wait([self._flushing])
        await asyncio.gather(*self._returning, return_exceptions=True)
        # The last one moves the log into the database, if no other process has it open.
        for connection in (*self._readers, self._writer):
            await connection.close()
        self._write_lock.close()
        self._engine.dispose()

    async def read(self, work: Work[T]) -> T:
        """See `Database`."""
        reader = await self._idle.get()
        try:
            found = await reader.run(work)
        except ImagesvcError as error:
            self._note(error)
            raise
        finally:
            self._return(reader)
        self._note(None)
        return found

    def _return(self, reader: UnitConnection) -> None:
        if not reader.is_busy:
            self._idle.put_nowait(reader)
            return
        # Its requester has disconnected and its work continues: no other read must wait for it.
        returning = asyncio.create_task(reader.run(_nothing))
        self._returning.add(returning)
        returning.add_done_callback(partial(self._returned, reader))

    def _returned(self, reader: UnitConnection, returning: asyncio.Task[None]) -> None:
        self._returning.discard(returning)
        self._idle.put_nowait(reader)

    async def write(self, work: Work[T], *, may_use_reserve: bool = False, wakes: bool = True) -> T:
        """See `Database`.

        Writes that wait at the same time share one commit, and so one fsync. When one of them
        raises, all are rolled back and run again, each in a transaction of its own.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._pending.append(_Pending(work, future, may_use_reserve, wakes))
        if self._flushing is None:
            self._flushing = asyncio.create_task(self._flush())
        # A cancelled requester must not leave an unknown result: the write continues.
        return await asyncio.shield(future)

    async def _flush(self) -> None:
        """Commit waiting writes, and those that arrive meanwhile."""
        try:
            while self._pending:
                batch = [self._pending.popleft() for _ in range(min(MAX_BATCH, len(self._pending)))]
                try:
                    await self._writer.run(partial(self._commit, batch))
                except ImagesvcError as error:  # there is no connection, or no lock
                    self._trials.note(error)
                    for item in batch:
                        item.error = error
                else:
                    self._trials.failure = None
                self._settle(batch)
        finally:
            self._flushing = None

    def _settle(self, batch: list[_Pending]) -> None:
        for item in batch:
            self._note(item.error)
            item.settle()
        # Do not notify waiters when no write succeeded: a failed writer would wake itself again.
        if any(item.wakes and item.error is None for item in batch):
            self.wake()

    def _commit(self, batch: list[_Pending], connection: Connection) -> None:
        """Wait for other processes once, not again for each write of a batch that fails."""
        with self._write_lock.hold():
            self._run(batch, connection)

    def _run(self, batch: list[_Pending], connection: Connection) -> None:
        try:
            with translated(), transaction(connection):
                for item in batch:
                    item.run(connection)
        except BaseException as error:  # noqa: BLE001  # every requester must get an answer
            if len(batch) > 1:
                for item in batch:
                    self._run([item], connection)
            elif self._has_more_room_for(batch[0], error):
                self._run(batch, connection)
            else:
                batch[0].error = error

    def _has_more_room_for(self, item: _Pending, error: BaseException) -> bool:
        if not (item.may_use_reserve and isinstance(error, InsufficientStorage)):
            return False
        return self._reserve is not None and self._reserve.release()


def _nothing(_connection: Connection) -> None:
    """Do nothing, after what runs."""
