"""Failures that go on: the log tells of their beginning, once a minute, and of their end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

log = structlog.get_logger()

REPEAT_SECONDS = 60.0
"""Between two lines about a failure that goes on; a full disk has no space for more."""


@dataclass(slots=True)
class Outage:
    """One kind of failure, which may be there or not."""

    failure: str
    action: str
    recovery: str
    recovered_action: str
    clock: Callable[[], float] = time.monotonic
    _since: float | None = None
    _repeat_at: float = 0.0

    @property
    def is_on(self) -> bool:
        """Whether the latest attempt failed."""
        return self._since is not None

    def failed(self, **details: str) -> None:
        """Note that an attempt failed."""
        now = self.clock()
        if self._since is None:
            self._since = self._repeat_at = now
        if now >= self._repeat_at:
            self._repeat_at = now + REPEAT_SECONDS
            log.error(self.failure, action=self.action, **details)

    def passed(self) -> None:
        """Note that an attempt succeeded."""
        if self._since is not None:
            seconds = round(self.clock() - self._since, 1)
            log.warning(self.recovery, action=self.recovered_action, seconds=seconds)
            self._since = None


class SpaceWait:
    """Whether jobs wait for space on the disk: then one at a time tries, after each pause."""

    def __init__(self, pause: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._outage = Outage(
            "jobs wait for space on the disk", "jobs.wait_for_space",
            "jobs have space on the disk", "jobs.have_space", clock,
        )  # fmt: skip
        self._pause = pause
        self._clock = clock
        self._paused_until = 0.0

    def found_none(self, error: str) -> None:
        """Note that a job met a full disk."""
        self._outage.failed(error=error)
        self._paused_until = self._clock() + self._pause

    def found(self) -> None:
        """Note that a job has stored what it made."""
        self._outage.passed()
        self._paused_until = 0.0

    @property
    def seconds_left(self) -> float:
        """The rest of the pause; 0 when there is none."""
        return max(0.0, self._paused_until - self._clock())

    def slots(self, free: int, running: int) -> int:
        """How many jobs may be claimed where `free` slots are free."""
        if self.seconds_left > 0:
            return 0
        return min(free, max(0, 1 - running)) if self._outage.is_on else free
