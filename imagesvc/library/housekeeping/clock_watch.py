"""Whether the clock is behind what is stored, so that operators hear of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog

from imagesvc.model.clock import is_of_future
from imagesvc.model.ids import utc_now
from imagesvc.store.db.database import Database
from imagesvc.store.db.newest import newest_time_of

log = structlog.get_logger()


class ClockWatch:
    """Compares the clock with the newest stored time."""

    def __init__(self, database: Database, clock: Callable[[], datetime] = utc_now) -> None:
        self._database = database
        self._clock = clock
        self.newest: datetime | None = None
        """The newest stored time, if the clock is behind it."""

    async def look(self) -> None:
        """Look at the clock; a change is logged.

        Raises:
            Unavailable: the database cannot be read.
        """
        now = self._clock()
        newest = await newest_time_of(self._database)
        is_behind = newest is not None and is_of_future(newest, now)
        was_behind = self.newest is not None
        self.newest = newest if is_behind else None
        if is_behind and newest is not None and not was_behind:
            log.error(
                "the clock is behind what is stored: it is or was wrong; set it (timedatectl)",
                action="clock.behind",
                now=now.isoformat(),
                newest=newest.isoformat(),
            )
        elif was_behind and not is_behind:
            log.warning("the clock is right again", action="clock.right", now=now.isoformat())
