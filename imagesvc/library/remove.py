"""Removing an image everywhere: row first, then memory, disk variants and blob."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from imagesvc.cache.variants import VariantCache
from imagesvc.cancellation import run_to_end
from imagesvc.jobs.runner import Runner
from imagesvc.model.ids import Digest, ImageId, utc_now
from imagesvc.model.trash import InTrash
from imagesvc.store.files.blobs import BlobStore
from imagesvc.store.files.locks import DigestLocks
from imagesvc.store.images import ImageStore


@dataclass(frozen=True, slots=True)
class Removal:
    """Deletes images with their variants and jobs (invariant 6)."""

    images: ImageStore
    blobs: BlobStore
    locks: DigestLocks
    variants: VariantCache
    runner: Runner
    on_removed: Callable[[ImageId], None]
    clock: Callable[[], datetime] = utc_now

    async def remove(self, image_id: ImageId, *, only_if: InTrash | None = None) -> None:
        """Delete an image; on return every URL of it answers 404.

        A cancellation in between waits until the deletion is done. A crash in between leaves files
        without rows, which the collection of orphans finds.

        Args:
            image_id: the image.
            only_if: a condition that it must still meet when its row is deleted.

        Raises:
            NotFound: there is no such image, or it does not meet the condition.
            Unavailable: the store of originals is missing; nothing was deleted.
        """
        digest = await self.images.digest_of(image_id)
        await self.blobs.check()
        await run_to_end(self._remove(image_id, digest, only_if))

    async def _remove(self, image_id: ImageId, digest: Digest, only_if: InTrash | None) -> None:
        async with self.locks.hold(digest):
            removed = await self.images.remove(image_id, now=self.clock(), only_if=only_if)
            self.on_removed(image_id)
            self.variants.forget(image_id)
            await self.variants.disk.remove_files(removed.variant_keys)
            if removed.blob_is_orphaned:
                await self.blobs.delete(removed.digest)
        if removed.mezzanine is not None:
            await self._remove_mezzanine(removed.mezzanine)
        for job_id in removed.job_ids:
            await self.runner.abandon(job_id)

    async def _remove_mezzanine(self, digest: Digest) -> None:
        async with self.locks.hold(digest):
            if await self.images.remove_mezzanine(digest):
                await self.blobs.delete(digest)
