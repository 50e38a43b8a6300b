"""When a job is tried again: pure decisions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from imagesvc.errors import ImagesvcError, Unavailable

MAX_DELAY = timedelta(minutes=10)


def is_worth_retrying(errors: Iterable[ImagesvcError]) -> bool:
    """Whether any of the errors may pass by itself; a corrupt image stays corrupt.

    `Unavailable` may pass; so may a bug's plain `ImagesvcError`, up to the limit of attempts.
    """
    return any(isinstance(error, Unavailable) or type(error) is ImagesvcError for error in errors)


def backoff(attempt: int, first: timedelta) -> timedelta:
    """The delay after attempt number `attempt` (from 1): doubling, and bounded."""
    doublings = min(attempt - 1, 20)
    factor: int = 2**doublings
    return min(first * factor, MAX_DELAY)
