"""Which jobs are claimed: owners take turns, and a backlog is not read."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event

from imagesvc.model.ids import UserId
from imagesvc.model.jobs import Job, Priority, Status
from imagesvc.store.db.database import Database
from imagesvc.store.db.sqlite.database import EmbeddedDatabase
from imagesvc.store.images import ImageStore
from imagesvc.store.jobs.jobs import JobStore
from imagesvc.store.jobs.settling import Settlement
from imagesvc.store.jobs.turns import Slots
from tests.store.rows import NOON, add_user, image_and_job, job_of

pytestmark = pytest.mark.anyio
LATER = NOON + timedelta(minutes=1)


class Queue:
    """A job store, and owners who add jobs to it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.images = ImageStore(database)
        self.jobs = JobStore(database)
        self.running: Counter[UserId | None] = Counter()
        self.are_left = False
        """Whether the latest claim left due jobs."""
        self.next_due_at: datetime | None = None
        """What the latest claim said of jobs that are not due."""

    async def owner(self, name: str) -> UserId:
        """A user."""
        return await add_user(self._database, name)

    async def add(self, owner_id: UserId | None, *jobs: dict[str, Any]) -> list[Job]:
        """An image of an owner with these jobs."""
        image, first = image_and_job(owner_id=owner_id)
        added = [job_of(image, **given) for given in jobs[1:]]
        first = job_of(image, id=first.id, **jobs[0])
        await self.images.add(image, first)
        await self.jobs.add(added, now=NOON)
        return [first, *added]

    async def claim(self, free: int, now: datetime = NOON) -> list[Job]:
        """The claimed jobs; they run from then on."""
        claim = await self.jobs.claim(Slots(free, self.running), now=now)
        self.running.update(item.job.owner_id for item in claim.jobs)
        self.are_left, self.next_due_at = claim.are_left, claim.next_due_at
        return [item.job for item in claim.jobs]

    async def end(self, job: Job) -> None:
        """Mark a running job as succeeded."""
        self.running[job.owner_id] -= 1
        await self.jobs.settle(Settlement(job.id, Status.SUCCEEDED, (), (), NOON), now=NOON)


@pytest.fixture
def queue(database: Database) -> Queue:
    """An empty queue."""
    return Queue(database)


async def test_one_owner_does_not_occupy_all_slots(queue: Queue) -> None:
    """This holds for any number of waiting jobs; the next owner need not wait for any of them."""
    busy, late, latest = [await queue.owner(name) for name in ("busy", "late", "latest")]
    await queue.add(busy, *[{}] * 20)

    first = await queue.claim(8)
    more = await queue.claim(8 - len(first))
    await queue.add(late, *[{}] * 20)
    second = await queue.claim(8 - len(first))
    await queue.add(latest, {})
    third = await queue.claim(8 - len(first) - len(second))

    assert [job.owner_id for job in first] == [busy] * 4
    assert more == []
    assert [job.owner_id for job in second] == [late] * 2
    assert [job.owner_id for job in third] == [latest]


@pytest.mark.parametrize(("free", "due", "are_left"), [(8, 4, False), (8, 5, True), (4, 3, True)])
async def test_a_claim_tells_whether_it_left_due_jobs(
    queue: Queue, free: int, due: int, *, are_left: bool
) -> None:
    """One owner gets half of the slots; jobs that are due later do not count."""
    owner, other = await queue.owner("busy"), await queue.owner("other")
    await queue.add(owner, *[{}] * due, {"due_at": LATER})
    await queue.add(other, {"due_at": LATER})

    claimed = await queue.claim(free)

    assert len(claimed) == min(due, free // 2)
    assert queue.are_left is are_left


async def test_a_claim_leaves_the_jobs_of_owners_without_a_slot(queue: Queue) -> None:
    """Also those of a lower priority, and without an owner."""
    await queue.add(await queue.owner("first"), {})
    await queue.add(None, {"priority": Priority.BACKFILL})

    assert len(await queue.claim(1)) == 1
    assert queue.are_left
    queue.running.clear()
    assert len(await queue.claim(1)) == 1
    assert not queue.are_left
    assert await queue.claim(1) == []
    assert not queue.are_left


async def test_owners_have_slots_in_turn(queue: Queue) -> None:
    """Jobs without an owner are those of one owner; jobs of one owner are sorted by age."""
    owners = [await queue.owner("a"), None, await queue.owner("b")]
    added = {owner: await queue.add(owner, *[{}] * 9) for owner in owners}

    claimed = await queue.claim(16)

    assert [{job.owner_id for job in claimed[n : n + 3]} for n in (0, 3, 6, 9)] == [set(owners)] * 4
    for owner in owners:
        mine = [job.id for job in claimed if job.owner_id == owner]
        assert mine == [job.id for job in added[owner]][: len(mine)]


async def test_a_single_slot_is_shared_by_all_owners(queue: Queue) -> None:
    """Owners with the oldest backlog do not share it only among themselves."""
    owners = [await queue.owner(name) for name in "abcd"]
    for owner in owners:
        await queue.add(owner, *[{}] * 9)

    served = []
    for _ in range(12):
        (job,) = await queue.claim(1)
        served.append(job.owner_id)
        await queue.end(job)

    assert served == served[:4] * 3
    assert set(served) == set(owners)


async def test_priority_precedes_the_turns_of_owners(queue: Queue) -> None:
    """A backfill of one owner does not precede another owner's upload."""
    early, late = await queue.owner("early"), await queue.owner("late")
    await queue.add(early, {"priority": Priority.BACKFILL}, {"priority": Priority.BACKFILL})
    uploads = await queue.add(late, {}, {})

    claimed = await queue.claim(8)

    assert [job.id for job in claimed[:2]] == [job.id for job in uploads]
    assert len(claimed) == 4


async def test_jobs_that_are_not_due_use_no_turn(queue: Queue) -> None:
    """The same holds for an owner with only such jobs."""
    waiting, ready = await queue.owner("waiting"), await queue.owner("ready")
    late = await queue.add(waiting, *[{"due_at": LATER}] * 3)
    due = await queue.add(ready, {}, {"due_at": LATER + timedelta(minutes=1)})

    assert [job.id for job in await queue.claim(8)] == [due[0].id]
    assert queue.next_due_at == LATER
    assert {job.id for job in await queue.claim(7, LATER)} == {job.id for job in late}
    assert queue.next_due_at == LATER + timedelta(minutes=1)


@pytest.mark.parametrize(
    "due_at",
    [pytest.param(NOON, id="due"), pytest.param(LATER, id="not due", marks=pytest.mark.breadth)],
)
@pytest.mark.parametrize(
    "is_owned",
    [
        pytest.param(True, id="owned"),
        pytest.param(False, id="without owner", marks=pytest.mark.breadth),
    ],
)
async def test_a_backlog_is_not_read(
    embedded: EmbeddedDatabase, due_at: datetime, *, is_owned: bool
) -> None:
    """A claim with 20,000 jobs of one owner takes as many steps as with ten."""
    queue = Queue(embedded)
    busy = await queue.owner("busy") if is_owned else None
    other = await queue.owner("other")
    (pattern, *_) = await queue.add(busy, *[{"due_at": due_at}] * 10)
    await queue.add(other, *[{}] * 4)
    few = await steps_of_claim(embedded, queue)

    await multiply(embedded, pattern, 20_000)
    many = await steps_of_claim(embedded, queue)

    assert 0 < many < 2 * few


async def multiply(database: Database, pattern: Job, times: int) -> None:
    """Copy a job's row many times, to pending and to ended jobs."""
    statement = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        " INSERT INTO jobs SELECT printf('{}%030x', i), image_id, lane, '{}', 0, 0, NULL, NULL,"
        " due_at, created_at, NULL, NULL, owner_id, NULL FROM jobs, n WHERE id = ?"
    )
    values = (times, pattern.id.hex)

    def work(connection: Connection) -> None:
        for prefix, status in (("f0", "pending"), ("f1", "succeeded")):
            connection.exec_driver_sql(statement.format(prefix, status), values)

    await database.write(work)


async def steps_of_claim(database: EmbeddedDatabase, queue: Queue) -> int:
    """Instructions of SQLite's machine, in hundreds, for claiming one job and waiting."""
    counted = Counter[str]()

    def count() -> None:
        counted["steps"] += 1

    def watch(_connection: Any, cursor: Any, *_rest: Any) -> None:
        cursor.connection.set_progress_handler(count, 100)

    event.listen(database._engine, "before_cursor_execute", watch)
    await queue.claim(1)
    event.remove(database._engine, "before_cursor_execute", watch)
    return counted["steps"]
