"""Removing an image everywhere: row first, then memory, disk variants and blob."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from imagesvc.cache.variants import VariantCache
from imagesvc.cancellation import run_to_end
from imagesvc.errors import NotFound
from imagesvc.jobs.runner import Runner
from imagesvc.model.ids import BlobName, Digest, ImageId, utc_now
from imagesvc.model.trash import Condition
from imagesvc.store.files.blobs import BlobStore
from imagesvc.store.files.locks import Locks
from imagesvc.store.files.verified import VerifiedBlobs
from imagesvc.store.images import ImageStore
from imagesvc.store.objects.left import LeftObjects

AT_ONCE = 8
"""Images that are deleted at the same time, so that their transactions share commits."""


@dataclass(frozen=True, slots=True)
class Removal:
    """Deletes images with their variants and jobs (invariant 6)."""

    images: ImageStore
    blobs: BlobStore
    verified: VerifiedBlobs
    locks: Locks
    variants: VariantCache
    runner: Runner
    on_removed: Callable[[ImageId], None]
    clock: Callable[[], datetime] = utc_now
    objects: LeftObjects = field(default_factory=LeftObjects)

    async def remove(self, image_id: ImageId, *, only_if: Condition | None = None) -> None:
        """Delete an image; on return every URL of it answers 404.

        A bucket that does not remove an object, as when the credentials do not permit it, is
        reported to the operator: the image is deleted, and the object is an orphan.

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

    async def remove_each(self, image_ids: Sequence[ImageId], only_if: Condition) -> int:
        """Delete those of these images that meet a condition; their number.

        Raises:
            Unavailable: not all can be deleted now.
        """
        removed = 0
        for start in range(0, len(image_ids), AT_ONCE):
            some = image_ids[start : start + AT_ONCE]
            work = [self.remove(image_id, only_if=only_if) for image_id in some]
            results = await asyncio.gather(*work, return_exceptions=True)
            for result in results:
                if result is not None and not isinstance(result, NotFound):
                    raise result
            removed += results.count(None)
        return removed

    async def _remove(self, image_id: ImageId, digest: Digest, only_if: Condition | None) -> None:
        async with self.locks.hold(digest):
            removed = await self.images.remove(image_id, now=self.clock(), only_if=only_if)
            self.on_removed(image_id)
            self.variants.forget(image_id)
            with self.objects.left():
                await self.variants.disk.remove_contents(removed.variant_keys)
            if removed.blob is not None:
                await self._delete(removed.blob)
        if removed.mezzanine is not None:
            await self._remove_mezzanine(removed.mezzanine)
        for job_id in removed.job_ids:
            await self.runner.abandon(job_id)

    async def _remove_mezzanine(self, digest: Digest) -> None:
        async with self.locks.hold(digest):
            name = await self.images.remove_mezzanine(digest)
            if name is not None:
                await self._delete(name)

    async def _delete(self, name: BlobName) -> None:
        with self.objects.left():
            await self.blobs.delete(name)
        self.verified.forget(name)
