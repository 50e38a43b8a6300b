"""Admission: priorities, memory, limited waiting, and leaving the queue."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from imagesvc.errors import Overloaded
from imagesvc.imaging.cost import Cost
from imagesvc.model.jobs import Priority
from imagesvc.workers.admission import EXPENSIVE_SECONDS, PATIENCE_SECONDS, Admission, Kind

pytestmark = pytest.mark.anyio
LIGHT, HEAVY = 10, 60
EXPENSIVE = EXPENSIVE_SECONDS + 1


class Work:
    """Pieces of work at one admission, each running until it is ended."""

    def __init__(self, admission: Admission) -> None:
        self.admission = admission
        self.started: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._ends: dict[str, asyncio.Event] = {}

    async def ask(
        self,
        name: str,
        priority: Priority = Priority.INTERACTIVE,
        cost: int = LIGHT,
        *,
        seconds: float = 0.1,
        requester: str = "",
        kind: Kind | None = None,
    ) -> None:
        """Request admission; on return it is granted or waits."""
        end = self._ends[name] = asyncio.Event()

        async def held() -> None:
            async with self.admission.admit(priority, Cost(cost, seconds), requester, kind):
                self.started.append(name)
                await end.wait()

        self.tasks[name] = asyncio.create_task(held())
        await settled()

    async def end(self, name: str) -> None:
        """End a piece of work."""
        self._ends[name].set()
        await settled()

    async def cancel(self) -> None:
        """End what is left: the event loop reports tasks that are destroyed while they wait."""
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)


async def settled() -> None:
    """Let every task run as far as possible."""
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
async def make_work() -> AsyncIterator[Callable[..., Work]]:
    """Work at an admission of 2 slots and 100 bytes by default."""
    made = []

    def make(slots: int = 2, max_waiting: int = 9, **options: Callable[[], float]) -> Work:
        made.append(Work(Admission(slots=slots, memory=100, max_waiting=max_waiting, **options)))
        return made[-1]

    yield make
    for work in made:
        await work.cancel()


async def test_an_arrival_at_busy_workers_costs_the_same_behind_any_queue(
    make_work: Callable[..., Work],
) -> None:
    """Nothing can start, so nothing that waits is looked at."""
    calls = []
    for waiting in (10, 1000):
        work = make_work(max_waiting=2000)
        await asyncio.gather(*(work.ask(str(number)) for number in range(waiting)))
        await settled()
        calls.append(await calls_during(work.ask("last")))

    assert calls[1] < 2 * calls[0]


async def calls_during(work: Awaitable[None]) -> int:
    """The Python functions that are called during a piece of work."""
    count = 0

    def counted(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    gc.disable()  # what it finds is of earlier work, and may call functions
    sys.setprofile(counted)
    try:
        await work
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


async def test_work_is_ordered_by_priority_then_arrival(make_work: Callable[..., Work]) -> None:
    """A client waits for an on-demand variant, but none for a backfill."""
    work = make_work(slots=1)
    await work.ask("running")
    await work.ask("backfill", Priority.BACKFILL)
    await work.ask("upload", Priority.UPLOAD)
    await work.ask("first")
    await work.ask("second")

    for name in ("running", "first", "second", "upload"):
        await work.end(name)

    assert work.started == ["running", "first", "second", "upload", "backfill"]


async def test_work_waits_for_memory_and_smaller_work_overtakes_it(
    make_work: Callable[..., Work],
) -> None:
    """The predicted bytes of all running work stay within the limit, and no slot stays idle."""
    work = make_work(slots=3)
    await work.ask("large", cost=HEAVY)
    await work.ask("too much beside it", cost=HEAVY)
    await work.ask("fits")

    assert work.started == ["large", "fits"]
    await work.end("large")
    assert work.started == ["large", "fits", "too much beside it"]


async def test_heavy_work_leaves_a_slot_for_thumbnails(make_work: Callable[..., Work]) -> None:
    """Two expensive pieces would fit into memory, but occupy both slots for seconds."""
    work = make_work(slots=2)
    await work.ask("heavy", cost=30)
    await work.ask("heavy too", cost=30)
    await work.ask("thumbnail")

    assert work.started == ["heavy", "thumbnail"]


async def test_expensive_work_is_not_passed_without_end(make_work: Callable[..., Work]) -> None:
    """After a while cheap work is held back until the waiting work fits."""
    now = [0.0]
    work = make_work(slots=2, clock=lambda: now[0])
    for name in ("cheap 0", "cheap 1"):
        await work.ask(name)
    await work.ask("expensive", cost=100)
    await work.ask("cheap 2")
    await work.end("cheap 0")
    assert work.started == ["cheap 0", "cheap 1", "cheap 2"]

    now[0] = PATIENCE_SECONDS + 1
    await work.ask("cheap 3")
    await work.end("cheap 1")

    assert work.started == ["cheap 0", "cheap 1", "cheap 2", "expensive"]
    await work.end("cheap 2")
    assert work.started[-1] == "cheap 3"


async def test_expensive_work_leaves_memory_for_cheap_work(make_work: Callable[..., Work]) -> None:
    """A piece that is predicted to take all of the memory may run, but not exclusively."""
    work = make_work(slots=2)
    await work.ask("enormous", cost=10_000)
    await work.ask("cheap", cost=20)

    assert work.started == ["enormous", "cheap"]


@pytest.mark.parametrize("slots", [1, 2, 4])
async def test_expensive_work_never_occupies_all_slots(
    make_work: Callable[..., Work], slots: int
) -> None:
    """A slot stays for thumbnails and one for identification, with one worker, too."""
    work = make_work(slots=slots, max_waiting=99)
    for number in range(20):
        await work.ask(f"expensive {number}", seconds=EXPENSIVE, requester=f"stranger {number % 3}")
    assert len(work.started) == max(1, slots - 1)

    await work.ask("thumbnail", requester="visitor")
    assert work.started[-1] == "thumbnail"
    if slots > 1:
        await work.ask("upload", kind=Kind.IDENTIFICATION)
        assert work.started[-1] == "upload"


async def test_cheap_work_never_occupies_the_process_of_identification(
    make_work: Callable[..., Work],
) -> None:
    """A gallery that is seen for the first time does not delay uploads."""
    work = make_work(slots=2, max_waiting=99)
    for number in range(20):
        await work.ask(f"thumbnail {number}")
    assert len(work.started) == 2

    await work.ask("upload", kind=Kind.IDENTIFICATION)

    assert work.started[-1] == "upload"


@pytest.mark.parametrize("seconds", [0.1, EXPENSIVE])
async def test_requesters_take_turns(make_work: Callable[..., Work], seconds: float) -> None:
    """A requester of one piece waits for one piece of each other requester, not for all of them."""
    work = make_work(slots=1, max_waiting=99)
    await work.ask("running", seconds=seconds)
    for number in range(4):
        await work.ask(f"flood {number}", seconds=seconds, requester="flood")
    await work.ask("visitor", seconds=seconds, requester="visitor")
    await work.ask("other", seconds=seconds, requester="other")

    for name in ("running", "flood 0", "visitor", "other", "flood 1"):
        await work.end(name)

    assert work.started == ["running", "flood 0", "visitor", "other", "flood 1", "flood 2"]


async def test_one_requester_does_not_fill_the_queue(make_work: Callable[..., Work]) -> None:
    """If it is full, the newest piece of the requester with most waiting is cancelled."""
    work = make_work(slots=1, max_waiting=4)
    await work.ask("running")
    for number in range(4):
        await work.ask(f"flood {number}", requester="flood")

    await work.ask("visitor", requester="visitor")
    await work.ask("flood 4", requester="flood")

    for name in ("flood 3", "flood 4"):
        with pytest.raises(Overloaded):
            await work.tasks[name]
    assert work.admission.waiting == 4
    for name in ("running", "flood 0"):
        await work.end(name)
    assert work.started == ["running", "flood 0", "visitor"]


async def test_more_than_all_memory_counts_as_all_of_it(make_work: Callable[..., Work]) -> None:
    """Otherwise it would wait without end; alone, it may run."""
    work = make_work()

    await work.ask("enormous", cost=10_000)

    assert work.started == ["enormous"]


async def test_interactive_work_beyond_the_bound_is_refused(
    make_work: Callable[..., Work],
) -> None:
    """An unbounded queue would serve no requester in time; jobs wait on disk instead."""
    work = make_work(slots=1, max_waiting=2)
    for name in ("running", "waits", "waits too"):
        await work.ask(name)

    await work.ask("job", Priority.UPLOAD)
    await work.ask("refused")

    with pytest.raises(Overloaded):
        await work.tasks["refused"]
    assert work.admission.waiting == 3


async def test_a_cancelled_waiter_leaves_the_queue(make_work: Callable[..., Work]) -> None:
    """A disconnected client costs no worker."""
    work = make_work(slots=1)
    for name in ("running", "cancelled", "next"):
        await work.ask(name)

    await cancel(work.tasks["cancelled"])
    await work.end("running")

    assert work.started == ["running", "next"]


async def test_a_waiter_cancelled_when_a_slot_becomes_free_leaks_nothing(
    make_work: Callable[..., Work],
) -> None:
    """Both happen in one turn of the loop.

    The slot must neither leak nor go to the cancelled one.
    """
    work = make_work(slots=1)
    for name in ("running", "cancelled", "next"):
        await work.ask(name)

    work._ends["running"].set()
    work.tasks["cancelled"].cancel()
    await settled()

    assert work.started == ["running", "next"]
    await work.tasks["running"]  # leaving raised nothing
    await work.end("next")
    assert (work.admission.running, work.admission.waiting) == (0, 0)


async def test_work_cancelled_just_after_its_grant_frees_the_slot(
    make_work: Callable[..., Work],
) -> None:
    """The cancellation arrives after the grant, before the work runs."""
    work = make_work(slots=1)
    for name in ("running", "cancelled", "next"):
        await work.ask(name)
    work._ends["running"].set()
    await asyncio.sleep(0)  # now it is granted
    assert work.admission.waiting == 1

    await cancel(work.tasks["cancelled"])
    await settled()

    assert "next" in work.started
    assert work.admission.running == 1


async def cancel(task: Awaitable[None]) -> None:
    """Cancel a task and wait for it."""
    assert isinstance(task, asyncio.Task)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
