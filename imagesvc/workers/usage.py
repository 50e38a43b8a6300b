"""How workers are used: how long they work, and why they end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Iterator

from imagesvc.errors import TimedOut

TIMED_OUT, DIED, CANCELLED, RECYCLED = "timed_out", "died", "cancelled", "recycled"
ENDS = (TIMED_OUT, DIED, CANCELLED, RECYCLED)
"""Why a worker is killed or replaced: its call took too long, it ended itself or gave an invalid
answer, nobody waits for its call any more, or it has served long or grown large."""


class Usage:
    """The use of all workers of a pool since the start."""

    def __init__(self) -> None:
        self.busy_seconds = 0.0
        """How long workers have had calls, all together."""
        self.ended: Counter[str] = Counter()
        """Workers that were killed or replaced, by the member of `ENDS`."""

    @contextlib.contextmanager
    def call(self) -> Iterator[None]:
        """Count the time of a call, and the end of its worker if the call fails."""
        began = time.perf_counter()
        try:
            yield
        except TimedOut:
            self.ended[TIMED_OUT] += 1
            raise
        except asyncio.CancelledError:
            self.ended[CANCELLED] += 1
            raise
        except BaseException:
            self.ended[DIED] += 1
            raise
        finally:
            self.busy_seconds += time.perf_counter() - began
