"""One leader among the nodes of a database: who holds an advisory lock in a session of its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping
from typing import Any, NoReturn, TypeVar

import psycopg
import structlog
from anyio import move_on_after

from imagesvc.cancellation import end, unless
from imagesvc.errors import Unavailable
from imagesvc.store.db.leadership import Leadership

log = structlog.get_logger()

T = TypeVar("T")

BEAT_SECONDS = 1.0
"""Between two statements of the session."""
LEASE_SECONDS = 4.0
"""How long a node leads after the beginning of its last successful statement."""
IDLE_MILLISECONDS = 5_000
"""After which PostgreSQL ends a silent session: later than the node has stopped to lead.

A node that is stopped, or cut off, would hold the lock otherwise.
"""
_BEGIN = f"SET idle_session_timeout = {IDLE_MILLISECONDS}"
TRY = "SELECT pg_try_advisory_lock(hashtext('imagesvc leader'))"
"""Take the lock of the leader, for the session."""
TRY_ONCE = "SELECT pg_try_advisory_xact_lock(hashtext('imagesvc leader'))"
"""The same, for the transaction."""
UNLOCK = "SELECT pg_advisory_unlock(hashtext('imagesvc leader'))"
_BEAT = "SELECT true"


class Election(Leadership):
    """Takes part in the election from the first use to `stop()`."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        """Take the options of the connection, as psycopg has them."""
        self._options = options
        self._leads_until = 0.0
        self._elected = asyncio.Event()
        self._ended = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._is_lost = False
        """Whether the log has the beginning of an outage."""

    @property
    def is_leader(self) -> bool:
        """See `Leadership`; it ends by itself when the session cannot be used."""
        return time.monotonic() < self._leads_until

    async def elected(self) -> None:
        """See `Leadership`."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        while not self.is_leader:
            self._elected.clear()
            await self._elected.wait()

    async def while_leading(self, work: Coroutine[Any, Any, T]) -> T:
        """See `Leadership`."""
        return await unless(self._lost(), work)

    async def _lost(self) -> NoReturn:
        while self.is_leader:
            with move_on_after(self._leads_until - time.monotonic()):
                await self._ended.wait()
        raise Unavailable("This server leads no more; the one that leads now goes on.")

    async def stop(self) -> None:
        """Close the session, so that another node is elected."""
        self._leads_until = 0.0
        if self._task is not None:
            await end(self._task)

    async def _run(self) -> None:
        while True:
            try:
                await self._take_part()
            except (psycopg.Error, OSError, TimeoutError) as error:
                if not self._is_lost:
                    log.info("no leader here", action="leader.lost", error=type(error).__name__)
                self._is_lost = True
            finally:
                self._leads_until = 0.0
                self._ended.set()
            await asyncio.sleep(BEAT_SECONDS)

    async def _take_part(self) -> None:
        """Try to take the lock, and keep it, until the session ends."""
        async with await psycopg.AsyncConnection.connect(
            **self._options, autocommit=True
        ) as connection:
            await connection.execute(_BEGIN)
            has_lock = False
            while True:
                began = time.monotonic()
                async with asyncio.timeout(LEASE_SECONDS):
                    found = await connection.execute(_BEAT if has_lock else TRY)
                    row = await found.fetchone()
                self._is_lost = False
                if not has_lock and row == (True,):
                    has_lock = True
                    log.info("this node leads", action="leader.elected")
                if has_lock:
                    self._leads_until = began + LEASE_SECONDS
                    self._ended.clear()
                    self._elected.set()
                await _pause(connection)


async def _pause(connection: psycopg.AsyncConnection[Any]) -> None:
    """Wait for the next beat; it fails as soon as the session has ended."""
    async for _ in connection.notifies(timeout=BEAT_SECONDS):
        pass  # nothing is listened to
