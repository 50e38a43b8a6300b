"""Removing stored variants on request, and their copies in a CDN."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from imagesvc.cache.variants import VariantCache
from imagesvc.cancellation import run_to_end
from imagesvc.model.ids import ImageId, utc_now
from imagesvc.store.cdn.purges import PurgeQueue


@dataclass(frozen=True, slots=True)
class VariantPurge:
    """Removes stored variants; they are made again when they are requested."""

    variants: VariantCache
    queue: PurgeQueue | None
    """None without a CDN."""
    clock: Callable[[], datetime] = utc_now

    async def purge(self, image_ids: Sequence[ImageId]) -> int:
        """Remove the variants of images here, then from the CDN; the number of those stored here.

        A cancellation waits until both are done.
        """
        return await run_to_end(self._purge(image_ids))

    async def _purge(self, image_ids: Sequence[ImageId]) -> int:
        purged = await self.variants.purge(image_ids)
        if self.queue is not None:
            await self.queue.add(image_ids, self.clock())
        return purged
