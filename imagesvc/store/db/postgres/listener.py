"""Learning of the commits of all nodes: `LISTEN` on a connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import psycopg
import structlog

from imagesvc.cancellation import end

log = structlog.get_logger()

CHANNEL = "imagesvc_events"
PAUSE_SECONDS = 0.5
"""Before a lost connection is opened again."""


class Listener:
    """Calls a function after commits that added events, and after each new connection."""

    def __init__(self, options: Mapping[str, Any], tell: Callable[[], None]) -> None:
        """Take the options of the connection, as psycopg has them, and the function."""
        self._options = options
        self._tell = tell
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Listen from now on; once it does so, nothing happens."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Close the connection."""
        if self._task is not None:
            await end(self._task)

    async def _run(self) -> None:
        is_lost = False
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    **self._options, autocommit=True
                ) as connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    if is_lost:
                        log.info("commits are announced again", action="database.announced")
                    is_lost = False
                    self._tell()  # of what was committed while nobody listened
                    async for _ in connection.notifies():
                        self._tell()
            except psycopg.Error as error:
                if not is_lost:
                    log.warning(
                        "commits of other nodes are not announced",
                        action="database.unannounced",
                        error=type(error).__name__,
                    )
                is_lost = True
            await asyncio.sleep(PAUSE_SECONDS)
