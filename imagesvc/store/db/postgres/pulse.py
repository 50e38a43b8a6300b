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
import weakref
from collections.abc import Iterator, Mapping
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


Connected = psycopg.Connection[Any] | psycopg.AsyncConnection[Any]
Server = tuple[str, int]
"""The host and the port of one of the servers of PostgreSQL."""


class Pulse:
    """Asks PostgreSQL for a sign of life while something waits for it, on a new connection."""

    def __init__(self, options: Mapping[str, Any], sockets: Sockets) -> None:
        """Take the options of the connection, as psycopg has them, and what may wait."""
        self._options = options
        self._sockets = sockets
        self._others = str(options.get("host", "")).count(",")
        """The servers besides one; they are tried one after the other."""
        self._connect_seconds = _seconds_of(options["connect_timeout"])
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
                await self._look()
        self._task = None

    async def _look(self) -> None:
        """Ask, and break the connections to what is silent."""
        seconds = ANSWER_SECONDS + self._connect_seconds * self._others
        self._note(is_lost=not await self._answers(self._options, seconds))
        if self.is_lost:
            self._sockets.shut_down()
        elif self._others:
            for host, port in self._sockets.servers():
                one = {**self._options, "host": host, "port": port}
                if not await self._answers(one, ANSWER_SECONDS):
                    self._sockets.shut_down((host, port))

    def _note(self, *, is_lost: bool) -> None:
        if is_lost and not self.is_lost:
            log.warning("the database does not answer", action="database.silent")
        if self.is_lost and not is_lost:
            log.info("the database answers again", action="database.answers")
        self.is_lost = is_lost

    async def _answers(self, options: Mapping[str, Any], seconds: float) -> bool:
        began = time.monotonic()
        with move_on_after(seconds):
            try:
                async with await psycopg.AsyncConnection.connect(**options) as connection:
                    await connection.execute("SELECT 1")
            except psycopg.Error:
                # A refusal is an answer, such as of a server that starts: nobody waits for it.
                # It took longer if one of several servers was silent before.
                return time.monotonic() - began < self._connect_seconds
            return True
        return False


def _seconds_of(timeout: object) -> float:
    """How long psycopg waits for a connection to one server."""
    try:
        return max(float(str(timeout)), 2.0)
    except ValueError:  # psycopg refuses it
        return ANSWER_SECONDS


class Sockets:
    """The sockets of the connections of a pool, which other threads may use."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: weakref.WeakSet[Connected] = weakref.WeakSet()

    def added(self, connection: Connected, *_: object) -> None:
        """Note a new connection."""
        with self._lock:
            self._open.add(connection)

    def removed(self, connection: Connected, *_: object) -> None:
        """Note that another thread is about to close a connection.

        Its number may become that of another file.
        """
        with self._lock:
            self._open.discard(connection)

    def servers(self) -> set[Server]:
        """Those with which there are connections."""
        with self._lock:
            found = {_server_of(connection) for connection in self._open}
        return {server for server in found if server is not None}

    def shut_down(self, server: Server | None = None) -> None:
        """Break all connections, or those with one server; who waits for them gets an error."""
        with self._lock:
            for connection in self._open:
                if server is None or _server_of(connection) == server:
                    with contextlib.suppress(psycopg.Error, OSError):
                        _shut_down(connection.fileno())


def _server_of(connection: Connected) -> Server | None:
    with contextlib.suppress(psycopg.Error):
        return connection.info.host, connection.info.port
    return None


def _shut_down(number: int) -> None:
    with socket.socket(fileno=os.dup(number)) as copied:
        copied.shutdown(socket.SHUT_RDWR)
