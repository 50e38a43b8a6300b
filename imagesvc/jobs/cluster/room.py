"""The room on the disk of a worker: without it, jobs would only be delayed here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from imagesvc.errors import ImagesvcError, text_of
from imagesvc.outages.outage import Outage

LOOK_SECONDS = 2.0


class Room:
    """Whether jobs find room here, as of the last look.

    Args:
        check: raises what is wrong with the disk; it may remove what is not needed.
        on_lost: called after each look that finds none.
    """

    def __init__(self, check: Callable[[], Awaitable[None]], on_lost: Callable[[], None]) -> None:
        self._check = check
        self._on_lost = on_lost
        self._is_there = asyncio.Event()
        self._outage = Outage(
            "no jobs are taken until the disk has room", "worker.no_room",
            "the disk has room, and jobs are taken again", "worker.has_room",
        )  # fmt: skip

    @property
    def is_there(self) -> bool:
        """Whether there is room."""
        return self._is_there.is_set()

    async def wait(self) -> None:
        """Return when there is room."""
        await self._is_there.wait()

    async def watch(self) -> None:
        """Look again and again, until it is cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Find out whether there is room now."""
        try:
            await self._check()
        except (ImagesvcError, OSError) as error:
            self._outage.failed(error=text_of(error))
            self._is_there.clear()
            self._on_lost()
        else:
            self._outage.passed()
            self._is_there.set()
