"""Learning of the commits of all nodes: `LISTEN` on a connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from imagesvc.cancellation import end
from imagesvc.store.db.postgres.listening import Connected, Said, listen
from imagesvc.store.db.postgres.pulse import ANSWER_SECONDS

BEAT_SECONDS = 5.0
"""Without a notification, after which PostgreSQL is asked whether it is there."""


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
        await listen(
            self._options,
            "imagesvc_events",
            self._follow,
            lost=Said("commits of other nodes are not announced", "database.unannounced"),
            again=Said("commits are announced again", "database.announced"),
        )

    async def _follow(self, connection: Connected) -> AsyncGenerator[None]:
        self._tell()  # of what was committed while nobody listened
        while True:
            yield
            async for _ in connection.notifies(timeout=BEAT_SECONDS):
                self._tell()
            async with asyncio.timeout(ANSWER_SECONDS):
                await connection.execute("SELECT true")
