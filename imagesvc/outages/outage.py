"""Continuing failures: the log has their beginning, a line a minute, and their end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

log = structlog.get_logger()

REPEAT_SECONDS = 60.0
"""The time between two lines about a continuing failure; a full disk has no space for more."""


@dataclass(slots=True)
class Outage:
    """One kind of failure, which may be there or not."""

    failure: str
    action: str
    recovery: str
    recovered_action: str
    clock: Callable[[], float] = time.monotonic
    calm: float = 0.0
    """Seconds without a failure after which a success ends it, for failures between successes."""
    _since: float | None = None
    _repeat_at: float = 0.0
    _failed_at: float = 0.0

    @property
    def is_on(self) -> bool:
        """Whether it has begun, and not ended."""
        return self._since is not None

    def failed(self, **details: str) -> None:
        """Note that an attempt failed."""
        now = self._failed_at = self.clock()
        if self._since is None:
            self._since = self._repeat_at = now
        if now >= self._repeat_at:
            self._repeat_at = now + REPEAT_SECONDS
            log.error(self.failure, action=self.action, **details)

    def passed(self, **details: str) -> None:
        """Note that an attempt succeeded."""
        if self._since is None:
            return
        now = self.clock()
        if now - self._failed_at < self.calm:
            return
        seconds = round((self._failed_at if self.calm else now) - self._since, 1)
        log.warning(self.recovery, action=self.recovered_action, seconds=seconds, **details)
        self._since = None
