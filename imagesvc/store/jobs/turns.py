"""Which due jobs are claimed next: by priority, and within each priority owners take turns.

A claim reads the owners of pending jobs and the jobs that it takes, never the rest of a backlog.
"""

from __future__ import annotations

import heapq
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Uuid,
    bindparam,
    exists,
    literal_column,
    select,
)

from imagesvc.model.ids import JobId, UserId
from imagesvc.model.jobs import Priority
from imagesvc.store.db.schema.columns import Instant, unindexed
from imagesvc.store.db.schema.jobs import jobs

MAX_REMEMBERED = 10_000
"""Owners whose latest turn is remembered."""

Owner = UserId | None
"""Jobs without an owner count as those of one owner."""


@dataclass(frozen=True, slots=True)
class Slots:
    """The number of further jobs that may run, and of running jobs by owner.

    An owner gets a slot only while fewer of its jobs run than slots are free. A single owner gets
    half of the slots, and there is nearly always a free one for the next owner.
    """

    free: int
    running: Mapping[Owner, int] = field(default_factory=dict)


class Turns:
    """The owners with the latest turns; of owners with equally many jobs, others precede."""

    def __init__(self) -> None:
        self._latest: OrderedDict[Owner, int] = OrderedDict()
        self._number = 0

    def take(self, owner: Owner) -> None:
        """Note that an owner has its turn."""
        self._number += 1
        self._latest[owner] = self._number
        self._latest.move_to_end(owner)
        if len(self._latest) > MAX_REMEMBERED:
            self._latest.popitem(last=False)

    def latest(self, owner: Owner) -> int:
        """The number of an owner's latest turn; 0 when it had none."""
        return self._latest.get(owner, 0)


# The condition `PENDING`, of which the literal is a part.
IS_PENDING = unindexed(jobs.c.status) == literal_column("'pending'")
_NOW = bindparam("now", type_=Instant)


def _pending_owners() -> Select[tuple[UUID | None]]:
    """The owners of pending jobs, and None: one look into the index for each."""
    # The order is that of the index of pending jobs, so that SQLite uses no other.
    in_order = (jobs.c.owner_id, jobs.c.lane, jobs.c.due_at, jobs.c.id)
    least = select(jobs.c.owner_id).where(IS_PENDING).order_by(*in_order).limit(1)
    first = least.where(jobs.c.owner_id.is_not(None)).scalar_subquery()
    owners = select(first.label("owner_id")).cte("owners", recursive=True)
    following = least.where(jobs.c.owner_id > owners.c.owner_id).scalar_subquery()
    owners = owners.union_all(select(following).where(owners.c.owner_id.is_not(None)))
    # The last row of the recursion is NULL: it stands for the jobs without an owner.
    return select(owners.c.owner_id)


def _has_due(owner_id: ColumnElement[Any], priority: Priority) -> ColumnElement[bool]:
    return exists().where(
        IS_PENDING,
        jobs.c.owner_id.is_not_distinct_from(owner_id),
        jobs.c.lane == priority,
        jobs.c.due_at <= _NOW,
    )


_PENDING = _pending_owners().subquery("pending")
_OWNERS = select(
    _PENDING.c.owner_id,
    *(_has_due(_PENDING.c.owner_id, priority).label(priority.name) for priority in Priority),
)
_DUE = (
    select(jobs.c.id)
    .where(
        IS_PENDING,
        jobs.c.owner_id.is_not_distinct_from(bindparam("owner", type_=Uuid())),
        jobs.c.lane == bindparam("lane"),
        jobs.c.due_at <= _NOW,
    )
    .order_by(jobs.c.due_at, jobs.c.id)
    .limit(bindparam("most"))
)


def next_jobs(
    connection: Connection, slots: Slots, turns: Turns, now: datetime
) -> tuple[list[JobId], bool]:
    """The due jobs to claim, in the order in which they get slots; whether others are due."""
    chosen: list[JobId] = []
    are_left = False
    running = Counter(slots.running)
    owners = connection.execute(_OWNERS, {"now": now}).all()
    for priority in Priority:
        candidates = [row.owner_id for row in owners if getattr(row, priority.name)]
        due: dict[Owner, Iterator[JobId]] = {}
        queue = [_Place(running[owner], turns.latest(owner), owner) for owner in candidates]
        heapq.heapify(queue)
        while queue and queue[0].running < slots.free - len(chosen):
            place = heapq.heappop(queue)
            ids = due.setdefault(
                place.owner, _due(connection, place.owner, priority, slots.free + 1, now)
            )
            job_id = next(ids, None)
            if job_id is None:
                continue
            chosen.append(job_id)
            running[place.owner] += 1
            turns.take(place.owner)
            again = _Place(running[place.owner], turns.latest(place.owner), place.owner)
            heapq.heappush(queue, again)
        are_left = are_left or any(
            place.owner not in due or next(due[place.owner], None) is not None for place in queue
        )
    return chosen, are_left


@dataclass(frozen=True, slots=True, order=True)
class _Place:
    """An owner in the queue for slots."""

    running: int
    turn: int
    owner: Owner = field(compare=False)


def _due(
    connection: Connection, owner: Owner, priority: Priority, most: int, now: datetime
) -> Iterator[JobId]:
    """The first due jobs of an owner with a priority, read when the first of them is wanted."""
    values = {"owner": owner, "lane": priority, "most": most, "now": now}
    yield from map(JobId, connection.scalars(_DUE, values))
