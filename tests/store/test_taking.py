"""Jobs that several processes take: only the last to take one can settle it or put it back."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import text, update

from imagesvc.model.ids import UserId
from imagesvc.model.jobs import Job, Priority, Status
from imagesvc.store.db.database import Database
from imagesvc.store.db.schema.jobs import jobs
from imagesvc.store.images import ImageStore
from imagesvc.store.jobs.jobs import JobStore
from imagesvc.store.jobs.settling import MAX_INTERRUPTIONS, Settlement
from tests.store.rows import NOON, add_user, image_and_job, job_of

pytestmark = pytest.mark.anyio
LATER = NOON + timedelta(days=36_500)
QUEUED = "SELECT lock FROM procrastinate_jobs WHERE status = 'todo' ORDER BY priority DESC, id"


async def add(database: Database, owner_id: UserId | None = None, number: int = 1) -> list[Job]:
    """An image of an owner with so many jobs."""
    image, first = image_and_job(owner_id=owner_id)
    others = [job_of(image) for _ in range(number - 1)]
    await ImageStore(database).add(image, first)
    await JobStore(database).add(others, now=NOON)
    return [first, *others]


async def test_only_the_last_claim_settles_a_job(database: Database) -> None:
    """What was taken away counts as an interruption, and not as an attempt."""
    queue, first, second = JobStore(database), uuid4(), uuid4()
    (job,) = await add(database)

    assert await queue.take(job.id, first, now=NOON) is not None
    taken = await queue.take(job.id, second, now=NOON)
    ended = Settlement(job.id, Status.SUCCEEDED, (), (), NOON)

    assert taken is not None
    assert (taken.claim, taken.job.attempts) == (second, 1)
    for claim in (first, None):
        late = Settlement(job.id, Status.FAILED, (), (), NOON, claim=claim)
        assert await queue.settle(late, now=NOON) is None
    assert not await queue.give_back(job.id, first, now=NOON)
    assert (await queue.get(job.id)).status is Status.PROCESSING
    mine = Settlement(job.id, Status.SUCCEEDED, (), (), NOON, claim=second)
    assert await queue.settle(mine, now=NOON) is Status.SUCCEEDED
    assert await queue.settle(ended, now=NOON) is None
    assert await queue.take(job.id, uuid4(), now=NOON) is None


async def test_a_job_that_was_put_back_has_had_no_attempt(database: Database) -> None:
    queue, claim = JobStore(database), uuid4()
    (job,) = await add(database)
    await queue.take(job.id, claim, now=NOON)

    assert await queue.give_back(job.id, claim, now=NOON)

    back = await queue.get(job.id)
    assert (back.status, back.attempts) == (Status.PENDING, 0)
    ended = Settlement(job.id, Status.SUCCEEDED, (), (), NOON, claim=claim)
    assert await queue.settle(ended, now=NOON) is None


async def test_a_retried_job_is_not_settled_by_the_attempt_before(database: Database) -> None:
    queue, before, after = JobStore(database), uuid4(), uuid4()
    (job,) = await add(database)
    await queue.take(job.id, before, now=NOON)

    await queue.retry(job.id, now=NOON)
    await queue.take(job.id, after, now=NOON)

    late = Settlement(job.id, Status.FAILED, (), (), NOON, claim=before)
    assert await queue.settle(late, now=NOON) is None


async def test_a_job_that_ends_its_workers_fails(database: Database) -> None:
    """It is treated as the cause of their end."""
    queue = JobStore(database)
    (job,) = await add(database)
    await queue.take(job.id, uuid4(), now=NOON)
    many = update(jobs).values(interruptions=MAX_INTERRUPTIONS)
    await database.write(lambda connection: connection.execute(many))

    assert await queue.take(job.id, uuid4(), now=NOON) is None

    failed = await queue.get(job.id)
    assert (failed.status, failed.error_code) == (Status.FAILED, "worker_died")


@pytest.mark.cluster
@pytest.mark.parametrize("database", ["postgres"], indirect=True)
async def test_the_first_jobs_of_all_owners_precede_their_second_ones(database: Database) -> None:
    """Within each priority, and for jobs without an owner as for one owner's."""
    busy = await add(database, await add_user(database, "busy"), 4)
    nobodys = await add(database, None, 2)
    late = await add(database, await add_user(database, "late"), 2)
    image, urgent = image_and_job()
    await ImageStore(database).add(image, job_of(image, id=urgent.id, priority=0))
    image, idle = image_and_job()
    backfill = job_of(image, id=idle.id, priority=Priority.BACKFILL)
    await ImageStore(database).add(image, backfill)

    found = await database.read(lambda connection: connection.scalars(text(QUEUED)).all())

    turns = [busy[0], nobodys[0], late[0], busy[1], nobodys[1], late[1], busy[2], busy[3]]
    assert found == [str(job.id) for job in (urgent, *turns, idle)]


@pytest.mark.cluster
@pytest.mark.parametrize("database", ["postgres"], indirect=True)
async def test_the_queue_has_one_entry_of_each_job_that_has_not_ended(database: Database) -> None:
    """With the time at which it is due; other jobs have none, and a rolled back one has neither."""
    queue = JobStore(database)
    cancelled, removed, repeated = [(await add(database))[0] for _ in range(3)]
    claim = uuid4()
    await queue.take(repeated.id, claim, now=NOON)
    again = Settlement(repeated.id, Status.PENDING, (), (), LATER, claim=claim)
    await queue.settle(again, now=NOON)
    await queue.retry(repeated.id, now=NOON)
    claim = uuid4()
    await queue.take(repeated.id, claim, now=NOON)
    again = Settlement(repeated.id, Status.PENDING, (), (), LATER, claim=claim)
    await queue.settle(again, now=NOON)

    await queue.cancel(cancelled.id, now=NOON)
    await ImageStore(database).remove(removed.image_id, now=NOON)

    entries = text("SELECT lock, scheduled_at FROM procrastinate_jobs")
    found = await database.read(lambda connection: connection.execute(entries).all())
    assert [tuple(row) for row in found] == [(str(repeated.id), LATER)]
    assert await queue.announce_lost(now=NOON) == 0
