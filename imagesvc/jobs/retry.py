"""When a job is tried again: pure decisions."""

from __future__ import annotations

from datetime import timedelta

from imagesvc.errors import ImagesvcError, TimedOut, Unavailable

MAX_DELAY = timedelta(minutes=10)


def is_worth_retrying(error: ImagesvcError) -> bool:
    """Whether an error may pass by itself; a corrupt image stays corrupt.

    `Unavailable` may pass; so may a bug's plain `ImagesvcError`, up to the limit of attempts. Work
    that has taken all the time it may have would do so again.
    """
    if isinstance(error, TimedOut):
        return False
    return isinstance(error, Unavailable) or type(error) is ImagesvcError


def backoff(attempt: int, first: timedelta) -> timedelta:
    """The delay after attempt number `attempt` (from 1): doubling, and bounded."""
    doublings = min(attempt - 1, 20)
    factor: int = 2**doublings
    return min(first * factor, MAX_DELAY)
