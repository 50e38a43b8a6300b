"""Admission: which waiting work may start, by priority, free workers and predicted cost."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum, auto

from imagesvc.errors import Overloaded
from imagesvc.histograms import Histogram
from imagesvc.imaging.cost import Cost
from imagesvc.model.jobs import Priority
from imagesvc.workers.fairness import FairQueue

PATIENCE_SECONDS = 5.0
"""How long expensive work lets later, cheap work pass it."""
EXPENSIVE_SECONDS = 1.0
"""Work that is predicted to take longer is expensive."""


class Kind(IntEnum):
    """The resources that a piece of work may use."""

    IDENTIFICATION = auto()
    CHEAP = auto()
    EXPENSIVE = auto()


@dataclass(slots=True, eq=False)
class _Work:
    priority: Priority
    kind: Kind
    memory: int
    since: float
    granted: asyncio.Future[None]


class Admission:
    """Admits as much work as there are workers and memory for.

    - Expensive work never holds the last of several workers, nor the memory that cheap work needs.
    - One process beside the workers is there for identification. Where there is only one worker,
      cheap work may have it, too, while that worker does expensive work.
    - Within each priority requesters take turns, apart for cheap and for expensive work.

    Args:
        slots: pieces of work at once, one identification not counted.
        memory: bytes that all admitted work together may be predicted to hold.
        max_waiting: interactive work that may wait; more is refused. Where the queue is full, a
            requester with less in it takes the place of the newest of who has most.
    """

    def __init__(
        self,
        *,
        slots: int,
        memory: int,
        max_waiting: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._slots = slots
        self._memory = memory
        self._max_waiting = max_waiting
        self._clock = clock
        self._cheap_memory = memory // (2 * slots)
        self._expensive_memory = memory - self._cheap_memory
        self._expensive_slots = max(1, slots - 1)
        self._running: Counter[Kind] = Counter()
        self._held: Counter[Kind] = Counter()
        """Bytes that the running work of each kind is predicted to hold."""
        self._queues: dict[Priority, dict[Kind, FairQueue[_Work]]] = {
            priority: {kind: FairQueue() for kind in Kind} for priority in Priority
        }
        self.waiting = 0
        """Pieces of work that wait now."""
        self.waits: Mapping[Priority, Histogram] = {priority: Histogram() for priority in Priority}
        """How long admitted work has waited, in seconds."""

    @property
    def running(self) -> int:
        """Pieces of work admitted now."""
        return self._running.total()

    def kind_of(self, cost: Cost) -> Kind:
        """Whether a rendering of this cost is cheap or expensive."""
        is_expensive = cost.seconds > EXPENSIVE_SECONDS or cost.memory > self._cheap_memory
        return Kind.EXPENSIVE if is_expensive else Kind.CHEAP

    @contextlib.asynccontextmanager
    async def admit(
        self, priority: Priority, cost: Cost, requester: str = "", kind: Kind | None = None
    ) -> AsyncIterator[None]:
        """Wait for a turn and occupy it during the context.

        Work is ordered by priority, then by turns of the requesters. Work that does not fit with
        the running work lets later work pass, for a while.

        Args:
            priority: how urgent it is.
            cost: as predicted; more than the memory for expensive work counts as all of it.
            requester: on whose behalf it is done.
            kind: by default as its cost says.

        Raises:
            Overloaded: too much interactive work is waiting already.
        """
        kind = kind or self.kind_of(cost)
        memory = min(
            cost.memory, self._expensive_memory if kind is Kind.EXPENSIVE else self._memory
        )
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        work = _Work(priority, kind, memory, self._clock(), granted)
        await self._enter(work, requester)
        try:
            yield
        finally:
            self._leave(work)

    async def _enter(self, work: _Work, requester: str) -> None:
        if work.priority is Priority.INTERACTIVE:
            self._make_room(work, requester)
        self._queue_of(work).add(work, requester)
        self.waiting += 1
        self._grant()
        try:
            await work.granted
        except asyncio.CancelledError:
            if not work.granted.done() or work.granted.cancelled():
                self._withdraw(work)
                self._grant()
            elif work.granted.exception() is None:
                self._leave(work)
            raise

    def _make_room(self, work: _Work, requester: str) -> None:
        """Cancel the newest work of the requester with most waiting, if the queue is full.

        Raises:
            Overloaded: no other requester has more waiting than this one would have.
        """
        queues = self._queues[work.priority].values()
        if sum(map(len, queues)) < self._max_waiting:
            return
        refusal = "Too many images are waiting to be rendered; try again soon."
        fullest = max(queues, key=lambda queue: queue.longest()[1])
        longest, count = fullest.longest()
        displaced = fullest.newest_of(longest)
        mine = sum(queue.waiting(requester) for queue in queues)
        is_fair = longest == requester or count <= mine + 1
        if is_fair or displaced is None or displaced.granted.done():
            raise Overloaded(refusal)
        self._withdraw(displaced)
        displaced.granted.set_exception(Overloaded(refusal))

    def _queue_of(self, work: _Work) -> FairQueue[_Work]:
        return self._queues[work.priority][work.kind]

    def _withdraw(self, work: _Work) -> None:
        self._queue_of(work).remove(work)
        self.waiting -= 1

    def _leave(self, work: _Work) -> None:
        self._running[work.kind] -= 1
        self._held[work.kind] -= work.memory
        self._grant()

    def _grant(self) -> None:
        while (work := self._next()) is not None:
            self._queue_of(work).take(work)
            self.waiting -= 1
            self.waits[work.priority].add(self._clock() - work.since)
            self._running[work.kind] += 1
            self._held[work.kind] += work.memory
            work.granted.set_result(None)

    def _next(self) -> _Work | None:
        """The first waiting work that may start, if there is any."""
        if not self.waiting or self._is_full():
            return None
        now = self._clock()
        for work in self._in_order(now):
            if work.granted.done():  # cancelled, and about to leave the queue
                continue
            if self._fits(work):
                return work
            if self._is_impatient(work, now) and self._has_room_for_expensive(work):
                return None  # cheap work is held back until this has a slot
        return None

    def _is_full(self) -> bool:
        """Whether nothing that waits can start, so that there is no need to look at all of it."""
        if any(queues[Kind.IDENTIFICATION] for queues in self._queues.values()):
            return False
        return self._renders >= self._render_slots

    @property
    def _renders(self) -> int:
        return self._running[Kind.EXPENSIVE] + self._running[Kind.CHEAP]

    @property
    def _render_slots(self) -> int:
        """Cheap work has a slot beside expensive work even if that has all others."""
        return max(self._slots, self._running[Kind.EXPENSIVE] + 1)

    def _in_order(self, now: float) -> Iterator[_Work]:
        for queues in self._queues.values():
            yield from queues[Kind.IDENTIFICATION]
        for queues in self._queues.values():
            expensive = queues[Kind.EXPENSIVE]
            yield from (work for work in expensive if self._is_impatient(work, now))
            yield from queues[Kind.CHEAP]
            yield from (work for work in expensive if not self._is_impatient(work, now))

    def _is_impatient(self, work: _Work, now: float) -> bool:
        return work.kind is Kind.EXPENSIVE and now - work.since > PATIENCE_SECONDS

    def _fits(self, work: _Work) -> bool:
        if self.running > self._slots:
            return False
        if work.kind is Kind.IDENTIFICATION:
            return True
        if self._held.total() + work.memory > self._memory:
            return False
        if work.kind is Kind.CHEAP:
            return self._renders < self._render_slots
        return self._renders < self._slots and self._has_room_for_expensive(work)

    def _has_room_for_expensive(self, work: _Work) -> bool:
        """Whether expensive work needs nothing but a slot and memory that cheap work holds."""
        return (
            self._running[Kind.EXPENSIVE] < self._expensive_slots
            and self._held[Kind.EXPENSIVE] + work.memory <= self._expensive_memory
        )
