"""Finding out that PostgreSQL does not answer, where a connection alone would wait without an end.

A server that hangs, and a proxy or network that passes nothing on, keep connections open: what
waits for an answer would wait as long as they do.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import psycopg
import structlog
from anyio import move_on_after

from imagesvc.cancellation import end
from imagesvc.errors import DatabaseUnavailable

log = structlog.get_logger()

SLOW_SECONDS = 3.0
"""The age of a unit of work at which PostgreSQL is asked for a sign of life."""
ANSWER_SECONDS = 3.0
"""The time that it may take for one."""
PAUSE_SECONDS = 1.0


class Pulse:
    """Asks PostgreSQL for a sign of life while something waits for it, on a new connection."""

    def __init__(self, options: Mapping[str, Any], on_lost: Callable[[], None]) -> None:
        """Take the options of the connection, as psycopg has them, and what ends the waiting."""
        self._options = options
        self._on_lost = on_lost
        self.is_lost = False
        """Whether it gave none: then nothing begins to wait."""
        self._begun: dict[object, float] = {}
        self._task: asyncio.Task[None] | None = None

    def check(self) -> None:
        """Raises `DatabaseUnavailable` if PostgreSQL does not answer. Safe in any thread."""
        if self.is_lost:
            raise DatabaseUnavailable("The database does not answer now.")

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Something that waits for PostgreSQL meanwhile."""
        mark = object()
        self._begun[mark] = time.monotonic()
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            del self._begun[mark]

    async def stop(self) -> None:
        """Ask no more."""
        if self._task is not None:
            await end(self._task)

    async def _run(self) -> None:
        while self._begun or self.is_lost:
            await asyncio.sleep(PAUSE_SECONDS)
            oldest = min(self._begun.values(), default=time.monotonic())
            if self.is_lost or time.monotonic() - oldest >= SLOW_SECONDS:
                self._note(is_lost=not await self._answers())
        self._task = None

    def _note(self, *, is_lost: bool) -> None:
        if is_lost and not self.is_lost:
            log.warning("the database does not answer", action="database.silent")
        if self.is_lost and not is_lost:
            log.info("the database answers again", action="database.answers")
        self.is_lost = is_lost
        if is_lost:
            self._on_lost()

    async def _answers(self) -> bool:
        with move_on_after(ANSWER_SECONDS):
            try:
                async with await psycopg.AsyncConnection.connect(**self._options) as connection:
                    await connection.execute("SELECT 1")
            except psycopg.Error as error:
                # A refusal is an answer, such as of a server that starts: nobody waits for it.
                return not isinstance(error, psycopg.errors.ConnectionTimeout)
            return True
        return False


class Sockets:
    """The sockets of the connections of a pool, which other threads use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[int, psycopg.Connection[Any]] = {}

    def added(self, connection: psycopg.Connection[Any], *_: object) -> None:
        """Note a new connection."""
        with self._lock:
            self._open[id(connection)] = connection

    def removed(self, connection: psycopg.Connection[Any], *_: object) -> None:
        """Note that a connection is about to be closed: its number may become another file's."""
        with self._lock:
            self._open.pop(id(connection), None)

    def shut_down(self) -> None:
        """Break all connections; those who wait for them get an error."""
        with self._lock:
            for connection in self._open.values():
                with contextlib.suppress(psycopg.Error, OSError):
                    _shut_down(connection.fileno())


def _shut_down(number: int) -> None:
    with socket.socket(fileno=os.dup(number)) as copied:
        copied.shutdown(socket.SHUT_RDWR)
