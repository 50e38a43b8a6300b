"""Images that are due to be deleted for good: in the trash long enough, or expired."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from imagesvc.library.remove import Removal
from imagesvc.model.ids import utc_now
from imagesvc.model.trash import Condition, Expired, InTrash
from imagesvc.store.removal.trash import TrashStore

BATCH = 100


@dataclass(frozen=True, slots=True)
class DueImages:
    """Deletes what is due."""

    store: TrashStore
    removal: Removal
    retention: timedelta
    clock: Callable[[], datetime] = utc_now

    async def remove(self) -> int:
        """Delete what is due; the number of images.

        Raises:
            Unavailable: not all can be deleted now.
        """
        return sum([await self._remove(condition) for condition in self._conditions()])

    async def count(self) -> int:
        """How many images are due."""
        return sum([await self.store.count_due(condition) for condition in self._conditions()])

    def _conditions(self) -> tuple[Condition, ...]:
        now = self.clock()
        return Expired(now), InTrash(before=now - self.retention)

    async def _remove(self, condition: Condition) -> int:
        removed = 0
        while image_ids := await self.store.due(condition, BATCH):
            count = await self.removal.remove_each(image_ids, condition)
            removed += count
            if not count:  # others are deleting them
                break
        return removed
