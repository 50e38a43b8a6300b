"""When a job is tried again: pure decisions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from imagesvc.errors import (
    BucketUnavailable,
    DatabaseUnavailable,
    DiskUnavailable,
    ImagesvcError,
    InsufficientStorage,
    TimedOut,
    Unavailable,
)

MAX_DELAY = timedelta(minutes=10)
SPACE_DELAYS = 15
MAX_SPACE_DELAY = timedelta(seconds=30)
"""Somebody makes space, and then the jobs should not wait long."""


def is_worth_retrying(error: ImagesvcError) -> bool:
    """Whether an error may be temporary; a corrupt image stays corrupt.

    `Unavailable` may be temporary; so may a bug's plain `ImagesvcError`, up to the limit of
    attempts. Work that used its whole time limit would do so again.
    """
    if isinstance(error, TimedOut):
        return False
    return isinstance(error, Unavailable) or type(error) is ImagesvcError


def waits_for_storage(errors: Iterable[ImagesvcError]) -> bool:
    """Whether an attempt failed on a disk, a bucket or the database: it does not count.

    This is not the job's fault, and lasts until an operator has done something.
    """
    outages = InsufficientStorage | DiskUnavailable | BucketUnavailable | DatabaseUnavailable
    return any(isinstance(error, outages) for error in errors)


def space_delay(first: timedelta) -> timedelta:
    """The time between two attempts while a disk is full, or it, a bucket or the database fails."""
    return min(first * SPACE_DELAYS, MAX_SPACE_DELAY)


def backoff(attempt: int, first: timedelta) -> timedelta:
    """The delay after attempt number `attempt` (from 1): doubling, and bounded."""
    doublings = min(attempt - 1, 20)
    factor: int = 2**doublings
    return min(first * factor, MAX_DELAY)
