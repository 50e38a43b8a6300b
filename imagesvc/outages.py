"""Continuing failures: the log has their beginning, a line a minute, and their end.

What has no room is remembered besides, so that it need not be written to for each question.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog

from imagesvc.errors import ImagesvcError, InsufficientStorage

log = structlog.get_logger()

REPEAT_SECONDS = 60.0
"""The time between two lines about a continuing failure; a full disk has no space for more."""


TRIAL_SECONDS = 10.0
"""The minimum time between two trials of what had no room."""


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


@dataclass(slots=True)
class Fullness:
    """Whether a place has refused data for want of room, and not taken any in a trial since."""

    place: str
    """For the log."""
    trial: Callable[[], Awaitable[None]]
    """Writes as much as a small upload, and removes it; raises what refuses it."""
    clock: Callable[[], float] = time.monotonic
    _error: InsufficientStorage | None = None
    _try_at: float = 0.0
    _outage: Outage = field(init=False)

    def __post_init__(self) -> None:
        self._outage = Outage(
            "a place is full", "storage.full",
            "a place has room again", "storage.has_room", self.clock,
        )  # fmt: skip

    def note(self, error: InsufficientStorage) -> None:
        """Remember a refusal."""
        self._error, self._try_at = error, self.clock() + TRIAL_SECONDS
        self._outage.failed(place=self.place, error=error.detail)

    async def check(self) -> None:
        """Raises `InsufficientStorage` if there is no room, as far as is known; it may try."""
        if self._error is not None and self.clock() >= self._try_at:
            self._try_at = self.clock() + TRIAL_SECONDS  # for those who ask meanwhile
            await self._try()
        if self._error is not None:
            raise self._error.with_traceback(None)

    async def _try(self) -> None:
        try:
            await self.trial()
        except InsufficientStorage as error:
            self.note(error)
            return
        except ImagesvcError:  # it cannot be tried: the next refusal is noted again
            pass
        self._error = None
        self._outage.passed(place=self.place)
