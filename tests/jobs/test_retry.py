"""When a job is tried again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from imagesvc.errors import (
    BucketFull,
    BucketUnavailable,
    CorruptImage,
    DatabaseUnavailable,
    DiskUnavailable,
    ImagesvcError,
    ImageTooLarge,
    InsufficientStorage,
    NotFound,
    TimedOut,
    WorkerDied,
)
from imagesvc.jobs.attempts import Attempt
from imagesvc.jobs.retry import MAX_DELAY, backoff, is_worth_retrying
from imagesvc.model.jobs import Status
from tests.store.rows import NOON, image_and_job

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("kind", [WorkerDied, InsufficientStorage, ImagesvcError])
def test_temporary_failures_are_tried_again(kind: type[ImagesvcError]) -> None:
    """Examples are a killed worker, a full disk, and a bug in a rare situation."""
    assert is_worth_retrying(kind("perhaps"))


@pytest.mark.parametrize("kind", [CorruptImage, ImageTooLarge, NotFound, TimedOut])
def test_permanent_failures_are_not_tried_again(kind: type[ImagesvcError]) -> None:
    """A corrupt image stays corrupt, and a time-out is repeated."""
    assert not is_worth_retrying(kind("no"))


def test_delays_double_up_to_a_bound() -> None:
    """A full disk is checked less and less often, but at least every few minutes."""
    delays = [backoff(attempt, SECOND) for attempt in (1, 2, 3, 4, 100)]

    assert delays == [SECOND, 2 * SECOND, 4 * SECOND, 8 * SECOND, MAX_DELAY]


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (InsufficientStorage, Status.PENDING),
        (DiskUnavailable, Status.PENDING),
        (BucketFull, Status.PENDING),
        (BucketUnavailable, Status.PENDING),
        (DatabaseUnavailable, Status.PENDING),
        (WorkerDied, Status.FAILED),
    ],
)
def test_the_last_attempt_is_not_used_up_by_an_outage(
    kind: type[ImagesvcError], status: Status
) -> None:
    """An outage of any length fails no job for good."""
    _, job = image_and_job()
    error = kind("perhaps")
    attempt = Attempt(
        replace(job, attempts=3), job.operations, [error] * len(job.operations), error
    )

    settlement = attempt.settlement(NOON, max_attempts=3, first_delay=SECOND)

    assert (settlement.status, settlement.is_counted) == (status, status is Status.FAILED)
