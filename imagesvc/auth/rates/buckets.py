"""Token buckets: rate limits by key, kept in the memory of this process."""

from __future__ import annotations

import math
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MAX_KEYS = 50_000
UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600}
RATE = re.compile(r"([1-9][0-9]{0,5})/([smh])(?: burst ([1-9][0-9]{0,5}))?")


@dataclass(frozen=True, slots=True)
class Rate:
    """The rate at which tokens are added, and the capacity of a bucket."""

    per_second: float
    burst: int


@dataclass(frozen=True, slots=True)
class RateLimitState:
    """The rate-limit state of a key after a request; seconds are rounded up."""

    limit: int
    remaining: int
    reset_seconds: int
    """Seconds until the bucket is full."""
    retry_seconds: int | None = None
    """Seconds until there is a token again; None when there was one."""


def parse_rate(text: str) -> Rate | None:
    """Read `20/s`, `100/m burst 20` or `off`; without a burst, it is the number before the slash.

    Raises:
        ValueError: it is none of these.
    """
    if text == "off":
        return None
    match = RATE.fullmatch(text)
    if match is None:
        raise ValueError("a rate is off, or like 20/s, 100/m or 1000/h burst 50")
    return Rate(int(match[1]) / UNIT_SECONDS[match[2]], int(match[3] or match[1]))


def taken(rate: Rate, full_in: float) -> RateLimitState:
    """The state after a token was taken from a bucket that is full in some seconds."""
    remaining = math.floor(rate.burst - full_in * rate.per_second + 1e-6)
    return RateLimitState(rate.burst, remaining, math.ceil(full_in))


def refused(rate: Rate, full_in: float) -> RateLimitState:
    """The state of an empty bucket, which would be full in some seconds with one token less."""
    spacing = 1 / rate.per_second
    wait = math.ceil(full_in - rate.burst * spacing)
    return RateLimitState(rate.burst, 0, math.ceil(full_in - spacing), max(1, wait))


class Buckets:
    """A bucket for each key; the least recently used are dropped, which fills them.

    One number for each key: the time at which its bucket is full again (the generic cell rate
    algorithm, ITU-T I.371, which allows exactly what a token bucket allows).
    """

    def __init__(
        self,
        rate: Rate,
        *,
        clock: Callable[[], float] = time.monotonic,
        max_keys: int = MAX_KEYS,
    ) -> None:
        self.rate = rate
        self._clock = clock
        self._max_keys = max_keys
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, key: str) -> RateLimitState:
        """Take a token from the bucket of `key`, if there is one."""
        now = self._clock()
        spacing = 1 / self.rate.per_second
        full_at = max(now, self._full_at.get(key, now)) + spacing
        excess = full_at - now - self.rate.burst * spacing
        if excess > spacing * 1e-6:  # a smaller value is a rounding error of an exact fit
            return refused(self.rate, full_at - now)
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._max_keys:
            self._full_at.popitem(last=False)
        return taken(self.rate, full_at - now)
