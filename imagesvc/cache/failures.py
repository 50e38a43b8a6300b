"""Renderings that were stopped or killed a worker, remembered for a while.

Each of them occupied a worker to its end, and a repetition would do so again.
"""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable

from imagesvc.errors import Unavailable
from imagesvc.model.ids import VariantKey

MAX_KEYS = 10_000
TIMES_ITS_COST = 10
"""A failure is remembered for so many times the seconds that it cost."""
LEAST_SECONDS, MOST_SECONDS = 20.0, 3600.0


class Failures:
    """The latest failures by variant, each until it expires; the oldest are dropped."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._found: OrderedDict[VariantKey, tuple[Unavailable, float]] = OrderedDict()

    def add(self, key: VariantKey, error: Unavailable, cost_seconds: float) -> None:
        """Remember the error of a rendering, and its cost."""
        seconds = min(MOST_SECONDS, max(LEAST_SECONDS, TIMES_ITS_COST * cost_seconds))
        self._found.pop(key, None)
        self._found[key] = error, self._clock() + seconds
        if len(self._found) > MAX_KEYS:
            self._found.popitem(last=False)

    def find(self, key: VariantKey) -> Unavailable | None:
        """The failure of a variant, with the time of the next attempt; None if there is none."""
        found = self._found.get(key)
        if found is None:
            return None
        error, until = found
        left = until - self._clock()
        if left <= 0:
            del self._found[key]
            return None
        return type(error)(error.detail, retry_after=math.ceil(left))
