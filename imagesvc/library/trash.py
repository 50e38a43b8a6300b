"""The trash: images that are hidden, and can be restored until they are deleted for good."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from imagesvc.cache.images import ImageCache
from imagesvc.cache.variants import VariantCache
from imagesvc.cancellation import run_to_end
from imagesvc.library.remove import Removal
from imagesvc.model.ids import ImageId, UserId, utc_now
from imagesvc.model.trash import InTrash
from imagesvc.store.bulk.edits import BulkEdits
from imagesvc.store.removal.trash import TrashStore
from imagesvc.store.search.listing import ImageFilter, Position


@dataclass(frozen=True, slots=True)
class Trash:
    """Puts images into the trash, restores them, and empties it."""

    store: TrashStore
    removal: Removal
    rows: ImageCache
    variants: VariantCache
    lists: BulkEdits
    clock: Callable[[], datetime] = utc_now
    batch: int = 100
    """Images of one transaction."""

    async def put_in(self, image_ids: Sequence[ImageId]) -> None:
        """Put images into the trash; on return only their owners get an answer at their URLs.

        A cancellation waits until both are done: an answer from memory must not outlive a change
        that was committed.
        """
        await run_to_end(self._put_in(image_ids))

    async def put_in_found(self, wanted: ImageFilter) -> list[ImageId]:
        """Put all images of a list into the trash, in batches; returns them.

        A cancellation waits for the batch that is being written; later ones are not moved.

        Raises:
            InvalidQuery: as for a page of the list.
        """
        moved: list[ImageId] = []
        after: Position | None = None
        while True:
            found, after = await self.lists.found(wanted, limit=self.batch, after=after)
            image_ids = list(found)
            await self.put_in(image_ids)
            moved += image_ids
            if after is None:
                return moved

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
        return await self.removal.remove_each(image_ids, InTrash())
