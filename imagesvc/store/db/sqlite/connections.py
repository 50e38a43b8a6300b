"""One connection with a dedicated thread, on which units of work run."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from typing import TypeVar, cast

import aiosqlite
from sqlalchemy import Connection, Engine

from imagesvc.errors import Unavailable
from imagesvc.store.db.sqlite.engine import only_read, translated

T = TypeVar("T")

ITER_CHUNK = 64  # of aiosqlite's own cursors, which are not used here


class UnitConnection:
    """A connection of aiosqlite, with SQLAlchemy over the same raw connection.

    A unit of work is a plain function of a SQLAlchemy `Connection`. It crosses to the thread of
    the connection once, however many statements it runs. The connection is opened at first use.
    """

    def __init__(self, engine: Engine, *, only_reads: bool = False) -> None:
        self.is_busy = False
        """Whether a unit of work has not ended, even if its requester has disconnected."""
        self._engine = engine
        self._only_reads = only_reads
        self._connection: Connection | None = None
        self._opening: asyncio.Task[aiosqlite.Connection] | None = None
        self._is_closed = False

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run a unit of work in the thread; a cancelled one still runs to its end.

        Raises:
            Unavailable: there is no connection now, or it was closed.
        """
        opened = await self._opened()
        self.is_busy = True
        return await _in_thread(opened, self._unit, work)

    def _unit(self, work: Callable[[Connection], T]) -> T:
        try:
            if self._connection is None:
                raise RuntimeError("the connection is not open")
            with translated():
                return work(self._connection)
        finally:
            self.is_busy = False

    async def _opened(self) -> aiosqlite.Connection:
        if self._is_closed:  # a thread that nothing ends would keep the process alive
            raise Unavailable("The database is closed.")
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
        opening = self._opening
        try:
            return await asyncio.shield(opening)  # a requester that gives up does not end it
        except Exception:
            if self._opening is opening:
                self._opening = None  # the next use tries again
            raise

    async def _open(self) -> aiosqlite.Connection:
        opened = _Connection(self._connect, ITER_CHUNK)
        try:
            return await opened
        finally:
            if opened.ending is not None:
                await opened.ending

    def _connect(self) -> sqlite3.Connection:
        with translated():
            self._connection = self._engine.connect()
            raw = cast("sqlite3.Connection", self._connection.connection.dbapi_connection)
            if self._only_reads:
                only_read(raw)
            return raw

    async def close(self) -> None:
        """Close the connection after what runs on it, and end its thread."""
        self._is_closed = True
        opening, self._opening = self._opening, None
        if opening is None:
            return
        [opened] = await asyncio.gather(opening, return_exceptions=True)
        if isinstance(opened, aiosqlite.Connection) and self._connection is not None:
            await _in_thread(opened, self._connection.close)
            await opened.close()


class _Connection(aiosqlite.Connection):
    """A connection that reports the end of its thread.

    aiosqlite ends the thread of a connection that cannot be opened, and does not wait for that: the
    thread would report its end to an event loop that may already be closed.
    """

    ending: asyncio.Future[object] | None = None

    def stop(self) -> asyncio.Future[object] | None:
        """Make the thread end after its pending work."""
        self.ending = super().stop()
        return self.ending


async def _in_thread(opened: aiosqlite.Connection, call: Callable[..., T], *args: object) -> T:
    """The result of a call that runs in the thread of a connection.

    aiosqlite has no public way to do this; a test checks that the private one exists.
    """
    found: T = await opened._execute(call, *args)  # type: ignore[no-untyped-call]  # noqa: SLF001  # it has no annotations
    return found
