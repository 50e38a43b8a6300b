"""Places that have refused data for want of room: they are not written to for each question."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from imagesvc.errors import ImagesvcError, InsufficientStorage
from imagesvc.outages.outage import Outage
from imagesvc.outages.trials import Trials

TRIAL_SECONDS = 10.0
"""The minimum time between two trials of what had no room."""


class Fullness:
    """Whether a place has refused data, and not taken any in a trial since.

    Args:
        place: for the log.
        trial: writes as much as a small upload, and removes it; raises what refuses it.
        clock: tells the time in seconds.
    """

    def __init__(
        self,
        place: str,
        trial: Callable[[], Awaitable[None]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._place = place
        self._trial = trial
        self._trials = Trials(self._try, TRIAL_SECONDS, clock)
        self._outage = Outage(
            "a place is full", "storage.full",
            "a place has room again", "storage.has_room", clock,
        )  # fmt: skip

    def note(self, error: InsufficientStorage) -> None:
        """Remember a refusal."""
        self._trials.note(error)
        self._outage.failed(place=self._place, error=error.detail)

    async def check(self) -> None:
        """Raises `InsufficientStorage` if there is no room, as far as is known; it may try."""
        if self._trials.failure is not None:  # what has refused nothing is not tried
            await self._trials.check()

    async def _try(self) -> ImagesvcError | None:
        try:
            await self._trial()
        except InsufficientStorage as error:
            self._outage.failed(place=self._place, error=error.detail)
            return error
        except ImagesvcError:  # it cannot be tried: the next refusal is noted again
            pass
        self._outage.passed(place=self._place)
        return None
