"""How long an import waits for a service that has answered before, and does not now."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

FIRST_PAUSE = 0.5
"""Seconds."""
LONGEST_PAUSE = 5.0


@dataclass(slots=True)
class Patience:
    """Waits out the outages of a service; all requests of an import share it."""

    seconds: float
    """The longest outage that is waited for."""
    tell: Callable[[str], None]
    _is_known: bool = False
    """Whether the service has answered yet: at the start, a fault is told at once."""
    _since: float | None = None
    """The begin of the outage, on the monotonic clock."""
    _pause: float = FIRST_PAUSE

    def end(self) -> None:
        """The service has answered."""
        self._is_known, self._since, self._pause = True, None, FIRST_PAUSE

    async def wait(self, reason: str) -> bool:
        """Wait before the next attempt; returns whether there may be one."""
        now = time.monotonic()
        if self._since is None:
            self._since = now
            if self._is_known and self.seconds:
                self.tell(f"{reason} Waiting for up to {self.seconds:,.0f} s.")
        if not self._is_known or now - self._since >= self.seconds:
            return False
        await asyncio.sleep(self._pause)
        self._pause = min(self._pause * 1.5, LONGEST_PAUSE)
        return True
