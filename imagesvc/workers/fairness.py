"""A queue whose requesters take turns, however much each of them has waiting."""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(slots=True, order=True)
class _Place(Generic[T]):
    round: int
    number: int
    requester: str = field(compare=False)
    item: T = field(compare=False)


class FairQueue(Generic[T]):
    """Items in rounds: one item of each requester a round, by arrival within it.

    An item joins the round after its requester's newest, or the current one if there is none. The
    state of a requester is removed with its last item.
    """

    def __init__(self) -> None:
        self._places: list[_Place[T]] = []
        self._round = 0
        self._number = 0
        self._waiting: Counter[str] = Counter()
        self._newest: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[T]:
        return (place.item for place in self._places)

    def waiting(self, requester: str) -> int:
        """How many items a requester has in the queue."""
        return self._waiting[requester]

    def add(self, item: T, requester: str) -> None:
        """Put an item in the queue."""
        newest = self._newest.get(requester)
        at = self._round if newest is None else max(self._round, newest + 1)
        self._number += 1
        self._newest[requester] = at
        self._waiting[requester] += 1
        bisect.insort(self._places, _Place(at, self._number, requester, item))

    def take(self, item: T) -> None:
        """Remove an item because it has its turn: the round is now at least the item's."""
        self._round = max(self._round, self._remove(item).round)

    def remove(self, item: T) -> None:
        """Remove an item that is not wanted any more."""
        self._remove(item)

    def longest(self) -> tuple[str, int]:
        """The requester with most items, and how many; of an empty queue "" and 0."""
        return max(self._waiting.items(), key=lambda it: it[1], default=("", 0))

    def newest_of(self, requester: str) -> T | None:
        """The item of a requester whose turn is last."""
        items = (place.item for place in reversed(self._places) if place.requester == requester)
        return next(items, None)

    def _remove(self, item: T) -> _Place[T]:
        at = next(at for at, place in enumerate(self._places) if place.item is item)
        place = self._places.pop(at)
        self._waiting[place.requester] -= 1
        if not self._waiting[place.requester]:
            del self._waiting[place.requester]
            del self._newest[place.requester]
        return place
