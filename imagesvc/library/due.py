"""Images that are due to be deleted for good: in the trash long enough, or expired."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from imagesvc.library.housekeeping.deletion_clock import DeletionClock
from imagesvc.library.remove import Removal
from imagesvc.model.trash import Condition, Expired, InTrash
from imagesvc.store.removal.trash import TrashStore

BATCH = 100


@dataclass(frozen=True, slots=True)
class DueImages:
    """Deletes what is due."""

    store: TrashStore
    removal: Removal
    retention: timedelta
    clock: DeletionClock

    async def remove(self) -> int:
        """Delete what is due; the number of images. After a jump of the clock, none is for a while.

        Raises:
            Unavailable: not all can be deleted now.
        """
        conditions = self._conditions(await self.clock.time())
        return sum([await self._remove(condition) for condition in conditions])

    async def count(self) -> int:
        """How many images are due."""
        conditions = self._conditions(await self.clock.peek())
        return sum([await self.store.count_due(condition) for condition in conditions])

    def _conditions(self, now: datetime | None) -> tuple[Condition, ...]:
        if now is None:
            return ()
        return Expired(now), InTrash(before=now - self.retention)

    async def _remove(self, condition: Condition) -> int:
        removed = 0
        while image_ids := await self.store.due(condition, BATCH):
            count = await self.removal.remove_each(image_ids, condition)
            removed += count
            if not count:  # others are deleting them
                break
        return removed
