"""The contract of the queue on SQLite: jobs are claimed once, settled once, and never lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from imagesvc.errors import Conflict, NotFound
from imagesvc.model.formats import Format
from imagesvc.model.ids import Digest, ImageId, JobId, new_id
from imagesvc.model.images import Image, Original, Visibility
from imagesvc.model.jobs import Job, Operation, Priority, Status
from imagesvc.store.db.database import Database
from imagesvc.store.db.sqlite.database import EmbeddedDatabase
from imagesvc.store.db.sqlite.migrate import migrate
from imagesvc.store.images import ImageStore
from imagesvc.store.jobs.jobs import JobStore
from imagesvc.store.jobs.settling import MAX_INTERRUPTIONS, Settlement
from imagesvc.store.jobs.turns import Slots

pytestmark = pytest.mark.anyio
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Queue:
    """A job store, and images to have jobs for."""

    def __init__(self, database: Database) -> None:
        self.images = ImageStore(database)
        self.jobs = JobStore(database)

    async def add(self, *, priority: Priority = Priority.UPLOAD, due_at: datetime = NOON) -> Job:
        """Add an image with a job of two operations."""
        image_id, job_id = ImageId(new_id()), JobId(new_id())
        original = Original(Digest(image_id.hex * 2), Format.JPEG, 4, 3, 1, False, 36)
        image = Image(
            id=image_id, original=original, bytes=9, filename="a.jpg", title="a", description="",
            tags=(), visibility=Visibility.PUBLIC, status=Status.PENDING, exif={},
            created_at=NOON, updated_at=NOON, job_id=job_id,
        )  # fmt: skip
        job = Job(
            id=job_id, image_id=image_id, priority=priority, status=Status.PENDING, attempts=0,
            operations=(Operation(0, "thumbnail", "w=256"), Operation(1, "preview", "w=720")),
            error_code=None, error_detail=None, due_at=due_at, created_at=NOON, started_at=None,
            finished_at=None,
        )  # fmt: skip
        await self.images.add(image, job)
        return job

    async def claimed(self, limit: int = 10, now: datetime = NOON) -> list[JobId]:
        """The ids of the jobs of a claim."""
        return [item.job.id for item in (await self.jobs.claim(Slots(limit), now=now)).jobs]

    async def statuses(self, job: Job) -> tuple[Status, Status]:
        """The statuses of the job and its image."""
        found = await self.jobs.get(job.id)
        return found.status, (await self.images.get(job.image_id)).status


def ended(job: Job, status: Status, due_at: datetime = NOON) -> Settlement:
    """A settlement in which every operation has the status of the job."""
    operations = tuple(replace(operation, status=status) for operation in job.operations)
    return Settlement(job.id, status, operations, (), due_at)


@pytest.fixture
async def queue(tmp_path: Path) -> AsyncIterator[Queue]:
    """An empty queue."""
    migrate(tmp_path / "imagesvc.db")
    database = EmbeddedDatabase(tmp_path / "imagesvc.db")
    yield Queue(database)
    await database.close()


async def test_contested_jobs_are_claimed_once_each(queue: Queue) -> None:
    """Twenty claims race for ten jobs: a job claimed twice would be work done twice."""
    jobs = [await queue.add() for _ in range(10)]

    claims = await asyncio.gather(*(queue.claimed(limit=1) for _ in range(20)))

    assert sorted(job_id for claim in claims for job_id in claim) == sorted(j.id for j in jobs)


async def test_claims_are_ordered_by_priority_then_age_and_skip_jobs_not_due(queue: Queue) -> None:
    """Uploads precede backfills, and a retry waits for its delay."""
    backfill = await queue.add(priority=Priority.BACKFILL)
    first = await queue.add()
    later = await queue.add(due_at=NOON + MINUTE)
    second = await queue.add()

    assert await queue.claimed() == [first.id, second.id, backfill.id]
    assert (await queue.jobs.claim(Slots(10), now=NOON)).next_due_at == NOON + MINUTE
    assert await queue.claimed(now=NOON + MINUTE) == [later.id]


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.FAILED])
async def test_settling_ends_the_job_its_operations_and_its_image(
    queue: Queue, status: Status
) -> None:
    """One transaction: no reader sees a succeeded job with an unfinished operation."""
    job = await queue.add()
    await queue.claimed()

    assert await queue.jobs.settle(ended(job, status), now=NOON + MINUTE) == status

    found = await queue.jobs.get(job.id)
    assert await queue.statuses(job) == (status, status)
    assert found.finished_at == NOON + MINUTE
    assert {operation.status for operation in found.operations} == {status}
    assert (await queue.images.get(job.image_id)).status == status


async def test_a_job_sent_back_is_claimed_again_when_it_is_due(queue: Queue) -> None:
    """Its attempts are counted, since they decide when it fails for good."""
    job = await queue.add()
    await queue.claimed()
    await queue.jobs.settle(ended(job, Status.PENDING, NOON + MINUTE), now=NOON)

    assert await queue.claimed() == []
    (again,) = (await queue.jobs.claim(Slots(1), now=NOON + MINUTE)).jobs

    assert again.job.attempts == 2


async def test_a_cancelled_job_stays_cancelled_when_its_attempt_ends(queue: Queue) -> None:
    """The attempt was running; the user's last request counts."""
    job = await queue.add()
    await queue.claimed()
    await queue.jobs.cancel(job.id, now=NOON)

    assert await queue.jobs.settle(ended(job, Status.SUCCEEDED), now=NOON) is None
    assert (await queue.jobs.get(job.id)).status == Status.CANCELLED


async def test_a_deleted_job_is_settled_as_gone(queue: Queue) -> None:
    """Its image was deleted while it ran: there is no error, and no row is restored."""
    job = await queue.add()
    await queue.claimed()
    await queue.images.remove(job.image_id, now=NOON)

    assert await queue.jobs.settle(ended(job, Status.SUCCEEDED), now=NOON) is None
    with pytest.raises(NotFound):
        await queue.jobs.get(job.id)


async def test_a_crash_costs_a_job_no_attempt(queue: Queue) -> None:
    """A job that is `processing` at a start is queued as if it had not been claimed."""
    job, waiting = await queue.add(), await queue.add(due_at=NOON + MINUTE)
    await queue.claimed()

    assert await queue.jobs.recover(now=NOON) == 1

    assert await queue.statuses(job) == (Status.PENDING, Status.PENDING)
    assert (await queue.jobs.get(job.id)).attempts == 0
    assert (await queue.jobs.get(waiting.id)).due_at == NOON + MINUTE


async def test_a_job_that_crashes_the_server_repeatedly_fails(queue: Queue) -> None:
    """Otherwise the server could never start again."""
    job = await queue.add()
    for _ in range(MAX_INTERRUPTIONS):
        await queue.claimed()
        assert await queue.jobs.recover(now=NOON) == 1
    await queue.claimed()

    assert await queue.jobs.recover(now=NOON) == 0

    assert await queue.statuses(job) == (Status.FAILED, Status.FAILED)


async def test_a_released_job_is_as_if_never_claimed(queue: Queue) -> None:
    """A stop puts back unfinished jobs, and the image shows it, too."""
    job = await queue.add()
    await queue.claimed()

    await queue.jobs.release([job.id], now=NOON)

    assert await queue.statuses(job) == (Status.PENDING, Status.PENDING)
    (again,) = (await queue.jobs.claim(Slots(1), now=NOON)).jobs
    assert again.job.attempts == 1


@pytest.mark.parametrize("status", [Status.FAILED, Status.CANCELLED])
async def test_a_job_that_ended_badly_can_be_retried_afresh(queue: Queue, status: Status) -> None:
    """It has all its attempts again, and no error."""
    job = await queue.add()
    await queue.claimed()
    if status is Status.FAILED:
        await queue.jobs.settle(ended(job, status), now=NOON)
    else:
        await queue.jobs.cancel(job.id, now=NOON)

    retried = await queue.jobs.retry(job.id, now=NOON)

    assert (retried.status, retried.attempts, retried.finished_at) == (Status.PENDING, 0, None)
    assert {operation.status for operation in retried.operations} == {Status.PENDING}
    assert await queue.claimed() == [job.id]


async def test_invalid_retry_cancel_and_delete_are_conflicts(queue: Queue) -> None:
    """No job is rendered twice, and an ended job is not ended again."""
    job = await queue.add()
    with pytest.raises(Conflict):
        await queue.jobs.remove(job.id)
    await queue.claimed()
    with pytest.raises(Conflict):
        await queue.jobs.remove(job.id)
    await queue.jobs.settle(ended(job, Status.SUCCEEDED), now=NOON)

    with pytest.raises(Conflict):
        await queue.jobs.retry(job.id, now=NOON)
    with pytest.raises(Conflict):
        await queue.jobs.cancel(job.id, now=NOON)
    with pytest.raises(NotFound):
        await queue.jobs.cancel(JobId(new_id()), now=NOON)


@pytest.mark.parametrize("is_claimed", [True, False])
async def test_a_stuck_job_can_be_retried(queue: Queue, *, is_claimed: bool) -> None:
    """It is due now with all its attempts, waiting or running."""
    job = await queue.add()
    await queue.claimed()
    await queue.jobs.settle(ended(job, Status.PENDING, NOON + MINUTE), now=NOON)
    if is_claimed:
        await queue.claimed(now=NOON + MINUTE)

    retried = await queue.jobs.retry(job.id, now=NOON)

    assert (retried.status, retried.attempts, retried.due_at) == (Status.PENDING, 0, NOON)
    assert await queue.claimed() == [job.id]


async def test_a_deleted_job_leaves_its_image(queue: Queue) -> None:
    """The image keeps its status, without a job."""
    job = await queue.add()
    await queue.claimed()
    await queue.jobs.settle(ended(job, Status.SUCCEEDED), now=NOON)

    await queue.jobs.remove(job.id)

    image = await queue.images.get(job.image_id)
    assert (image.status, image.job_id) == (Status.SUCCEEDED, None)
    with pytest.raises(NotFound):
        await queue.jobs.get(job.id)
