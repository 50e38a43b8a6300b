"""Renderings that failed because of their cost are not tried again immediately."""

from __future__ import annotations

from imagesvc.cache.failures import LEAST_SECONDS, MAX_KEYS, MOST_SECONDS, TIMES_ITS_COST, Failures
from imagesvc.errors import TimedOut, WorkerDied
from imagesvc.model.ids import VariantKey

KEY = VariantKey("a" * 64)


def test_a_failure_is_remembered_in_proportion_to_its_cost() -> None:
    """The same problem is returned, with the remaining time; later the variant is tried again."""
    now = [0.0]
    failures = Failures(lambda: now[0])

    failures.add(KEY, TimedOut("It took too long."), 30.0)
    now[0] = 100.0
    found = failures.find(KEY)
    now[0] = 30.0 * TIMES_ITS_COST

    assert isinstance(found, TimedOut)
    assert (found.detail, found.retry_after) == ("It took too long.", 200)
    assert failures.find(KEY) is None


def test_a_failure_is_remembered_neither_too_short_nor_too_long() -> None:
    """A crash is quick, and a time limit may be hours."""
    failures = Failures(lambda: 0.0)

    failures.add(KEY, WorkerDied("It died."), 0.001)
    crash = failures.find(KEY)
    failures.add(KEY, TimedOut("It took too long."), 1e6)
    long = failures.find(KEY)

    assert crash is not None
    assert long is not None
    assert (crash.retry_after, long.retry_after) == (LEAST_SECONDS, MOST_SECONDS)


def test_the_oldest_failures_are_dropped() -> None:
    """Memory is limited for any number of failed variants."""
    failures = Failures(lambda: 0.0)

    for number in range(MAX_KEYS + 1):
        failures.add(VariantKey(str(number)), WorkerDied("It died."), 1.0)

    assert failures.find(VariantKey("0")) is None
    assert failures.find(VariantKey(str(MAX_KEYS))) is not None
