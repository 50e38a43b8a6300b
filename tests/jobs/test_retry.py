"""When a job is tried again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from imagesvc.errors import (
    CorruptImage,
    ImagesvcError,
    ImageTooLarge,
    InsufficientStorage,
    NotFound,
    TimedOut,
    WorkerDied,
)
from imagesvc.jobs.retry import MAX_DELAY, backoff, is_worth_retrying

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("kind", [WorkerDied, InsufficientStorage, ImagesvcError])
def test_what_may_pass_is_tried_again(kind: type[ImagesvcError]) -> None:
    """The system killed a worker, the disk was full, a bug met a rare moment."""
    assert is_worth_retrying(kind("perhaps"))


@pytest.mark.parametrize("kind", [CorruptImage, ImageTooLarge, NotFound, TimedOut])
def test_what_cannot_pass_is_not(kind: type[ImagesvcError]) -> None:
    """A corrupt image stays corrupt, and what takes too long takes too long again."""
    assert not is_worth_retrying(kind("no"))


def test_delays_double_up_to_a_bound() -> None:
    """A disk that stays full is asked ever less often, and still every few minutes."""
    delays = [backoff(attempt, SECOND) for attempt in (1, 2, 3, 4, 100)]

    assert delays == [SECOND, 2 * SECOND, 4 * SECOND, 8 * SECOND, MAX_DELAY]
