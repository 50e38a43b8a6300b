"""Jobs that met a full place, or one that fails: they wait, then one tries."""

from __future__ import annotations

import time
from collections.abc import Callable

from imagesvc.outages.outage import Outage


class SpaceWait:
    """Whether jobs wait for a disk, bucket or database: then one tries, after each pause."""

    def __init__(self, pause: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._outage = Outage(
            "jobs wait for the disk, the bucket or the database", "jobs.wait_for_space",
            "jobs can store their results again", "jobs.have_space", clock,
        )  # fmt: skip
        self._pause = pause
        self._clock = clock
        self._paused_until = 0.0

    def found_none(self, error: str) -> None:
        """Note that a job met a full disk, or a disk, bucket or database that fails."""
        self._outage.failed(error=error)
        self._paused_until = self._clock() + self._pause

    def found(self) -> None:
        """Record that a job has stored its results."""
        self._outage.passed()
        self._paused_until = 0.0

    @property
    def seconds_left(self) -> float:
        """The rest of the pause; 0 if there is none."""
        return max(0.0, self._paused_until - self._clock())

    def slots(self, free: int, running: int) -> int:
        """How many jobs may be claimed where `free` slots are free."""
        if self.seconds_left > 0:
            return 0
        return min(free, max(0, 1 - running)) if self._outage.is_on else free
