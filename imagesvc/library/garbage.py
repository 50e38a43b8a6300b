"""Collection of orphans: files that a crash left without a row, after a grace period."""

from __future__ import annotations

import contextlib
import stat
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from anyio import to_thread

from imagesvc.errors import BucketForbids
from imagesvc.library.identity import Identity
from imagesvc.model.ids import utc_now
from imagesvc.store.contents.variants import VariantContents
from imagesvc.store.files.blobs import BlobStore, StoredBlob
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.locks import Locks
from imagesvc.store.images import ImageStore
from imagesvc.store.objects.incoming import IncomingObjects
from imagesvc.store.pending_uploads import PendingUploadStore
from imagesvc.store.variants import VariantStore


@dataclass(slots=True)
class Orphans:
    """The orphans that a collection removed, or would remove on a dry run."""

    blobs: int = 0
    blob_bytes: int = 0
    variants: int = 0
    uploads: int = 0
    slots: int = 0
    refused: int = 0
    """Objects that the credentials do not permit to remove; the others do not count them."""
    refusal: str = ""
    """What the bucket says to that."""


@dataclass(frozen=True, slots=True)
class Collector:
    """Removes blobs, variants and uploads without a row that are old enough."""

    data_dir: DataDir
    blobs: BlobStore
    images: ImageStore
    locks: Locks
    contents: VariantContents
    variants: VariantStore
    pending_uploads: PendingUploadStore
    identity: Identity
    incoming_objects: IncomingObjects | None = None
    clock: Callable[[], datetime] = utc_now

    async def collect(self, *, grace_seconds: float, dry_run: bool = False) -> Orphans:
        """Remove orphans older than `grace_seconds`, and pending uploads that have expired.

        The grace period protects the blobs of uploads in progress; so does the lock of the digest,
        which an upload holds from before the blob until after the row. Where there are no locks,
        it is an hour at least.

        Raises:
            OriginalsOfAnother: another installation has its originals in the bucket.
            Unavailable: the bucket or the database cannot be used now.
        """
        await self.identity.check()
        found, least = Orphans(), max(grace_seconds, self.locks.orphan_seconds)
        async for batch in self.blobs.all():
            old = [blob for blob in batch if blob.age_seconds >= least]
            known = await self.images.known_names([blob.name for blob in old])
            for blob in old:
                if blob.name not in known:
                    await self._collect_blob(blob, found, dry_run=dry_run)
        await self._collect_variants(found, grace_seconds, dry_run=dry_run)
        found.uploads = await self.collect_uploads(grace_seconds, dry_run=dry_run)
        found.slots = await self.pending_uploads.remove_expired(now=self.clock(), dry_run=dry_run)
        await self._collect_sent(found, dry_run=dry_run)
        return found

    async def _collect_blob(self, blob: StoredBlob, found: Orphans, *, dry_run: bool) -> None:
        async with self.locks.hold(blob.digest):
            if await self.images.known_names([blob.name]):
                return  # an upload was faster
            if not dry_run and not await _is_removed(self.blobs.delete(blob.name), 1, found):
                return
        found.blobs += 1
        found.blob_bytes += blob.bytes

    async def _collect_variants(self, found: Orphans, grace: float, *, dry_run: bool) -> None:
        async for keys in self.contents.older_than(grace):
            known = await self.variants.known_keys(keys)
            unknown = [key for key in keys if key not in known]
            if dry_run or await _is_removed(self.contents.delete(unknown), len(unknown), found):
                found.variants += len(unknown)

    async def _collect_sent(self, found: Orphans, *, dry_run: bool) -> None:
        """Remove what was sent to the bucket and cannot become an image any more."""
        if self.incoming_objects is not None:
            async for sent in self.incoming_objects.all():
                usable = await self.pending_uploads.usable(sent, now=self.clock())
                useless = [image_id for image_id in sent if image_id not in usable]
                removing = self.incoming_objects.remove
                if dry_run or await _is_removed(removing(useless), len(useless), found):
                    found.uploads += len(useless)

    async def collect_uploads(self, grace_seconds: float, *, dry_run: bool = False) -> int:
        """Remove unfinished uploads of this node that are old enough; their number."""
        paths = await to_thread.run_sync(_old_files, self.data_dir.tmp, max(grace_seconds, 60.0))
        if not dry_run:
            await to_thread.run_sync(_unlink, paths)
        return len(paths)


async def _is_removed(removing: Awaitable[None], count: int, found: Orphans) -> bool:
    """Whether objects could be removed; if the credentials do not permit it, that is noted."""
    try:
        await removing
    except BucketForbids as error:
        found.refused += count
        found.refusal = error.detail
        return False
    return True


def _unlink(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)


def _old_files(directory: Path, seconds: float) -> list[Path]:
    horizon = time.time() - seconds
    found = []
    for path in directory.iterdir():
        with contextlib.suppress(FileNotFoundError):
            status = path.stat()
            if status.st_mtime <= horizon and stat.S_ISREG(status.st_mode):
                found.append(path)
    return found
