"""What may fail is tried again after a pause; in between, the result of the last trial counts."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from imagesvc.errors import ImagesvcError


@dataclass(slots=True)
class Trials:
    """Trials of one thing, for any rate of questions."""

    trial: Callable[[], Awaitable[ImagesvcError | None]]
    """Returns what is wrong."""
    pause_seconds: float
    """The minimum time between two trials."""
    clock: Callable[[], float] = time.monotonic
    failure: ImagesvcError | None = None
    """What was wrong when it was last tried, or noted."""
    _next_at: float = 0.0

    def note(self, failure: ImagesvcError) -> None:
        """Remember what another attempt met; the next trial is after the pause."""
        self.failure, self._next_at = failure, self.clock() + self.pause_seconds

    async def check(self, *, now: bool = False) -> None:
        """Raises what is wrong, as far as is known.

        Args:
            now: try also before the pause has ended.
        """
        if now or self.clock() >= self._next_at:
            self._next_at = self.clock() + self.pause_seconds  # for those who ask meanwhile
            self.failure = await self.trial()
        if self.failure is not None:
            raise self.failure.with_traceback(None)
