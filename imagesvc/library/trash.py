"""The trash: images that are hidden, and can be restored until they are deleted for good."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from imagesvc.cache.images import ImageCache
from imagesvc.cache.variants import VariantCache
from imagesvc.cancellation import run_to_end
from imagesvc.errors import NotFound
from imagesvc.library.remove import Removal
from imagesvc.model.ids import ImageId, UserId, utc_now
from imagesvc.model.trash import InTrash
from imagesvc.store.trash import TrashStore

BATCH = 100
AT_ONCE = 8
"""Images that are deleted at the same time, so that their transactions share commits."""


@dataclass(frozen=True, slots=True)
class Trash:
    """Puts images into the trash, restores them, and deletes them for good."""

    store: TrashStore
    removal: Removal
    rows: ImageCache
    variants: VariantCache
    retention: timedelta
    clock: Callable[[], datetime] = utc_now

    async def put_in(self, image_ids: Sequence[ImageId]) -> None:
        """Put images into the trash; on return only their owners get an answer at their URLs.

        A cancellation waits until both are done: an answer from memory must not outlive a change
        that was committed.
        """
        await run_to_end(self._put_in(image_ids))

    async def _put_in(self, image_ids: Sequence[ImageId]) -> None:
        await self.store.put_in(image_ids, now=self.clock())
        self.rows.forget(*image_ids)
        self.variants.forget(*image_ids)

    async def restore(self, image_ids: Sequence[ImageId]) -> None:
        """Restore images from the trash, as they were before."""
        await self.store.restore(image_ids, now=self.clock())

    async def empty(self, owner_id: UserId | None) -> int:
        """Delete the images in the trash of an owner for good, or of all; their number.

        Those that are restored meanwhile are kept.

        Raises:
            Unavailable: not all can be deleted now.
        """
        image_ids = await self.store.of_owner(owner_id)
        return await self._remove(image_ids, InTrash())

    async def remove_due(self) -> int:
        """Delete what has been in the trash for the time of retention; the number of images.

        Raises:
            Unavailable: not all can be deleted now.
        """
        removed, due = 0, self._due()
        while image_ids := await self.store.due(due, BATCH):
            count = await self._remove(image_ids, due)
            removed += count
            if not count:  # others are deleting them
                break
        return removed

    async def count_due(self) -> int:
        """How many images `remove_due` would delete."""
        return await self.store.count_due(self._due())

    def _due(self) -> InTrash:
        return InTrash(before=self.clock() - self.retention)

    async def _remove(self, image_ids: Sequence[ImageId], only_if: InTrash) -> int:
        removed = 0
        for start in range(0, len(image_ids), AT_ONCE):
            some = image_ids[start : start + AT_ONCE]
            work = [self.removal.remove(image_id, only_if=only_if) for image_id in some]
            results = await asyncio.gather(*work, return_exceptions=True)
            for result in results:
                if result is not None and not isinstance(result, NotFound):
                    raise result
            removed += results.count(None)
        return removed
