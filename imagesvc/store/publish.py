"""Publishing: a received file becomes a blob together with the rows that point at it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from imagesvc.cancellation import run_to_end
from imagesvc.errors import OriginalDamaged, OutcomeUnknown
from imagesvc.model.ids import BlobName, Digest, digest_of, own_name_of
from imagesvc.store.files.blobs import BlobStore
from imagesvc.store.files.incoming import ReceivedFile
from imagesvc.store.files.locks import Locks
from imagesvc.store.files.verified import VerifiedBlobs
from imagesvc.store.images import ImageStore
from imagesvc.store.objects.left import LeftObjects
from imagesvc.store.objects.mark import BucketMark

AddRows = Callable[[BlobName], Awaitable[BlobName | None]]
"""Commits the rows of a blob of this name in one transaction.

It returns the name that the rows have: another one if they were there before, and None if there are
none.
"""


@dataclass(frozen=True, slots=True)
class Publisher:
    """Moves received files into the blob store: blob first, rows second (invariant 2)."""

    blobs: BlobStore
    verified: VerifiedBlobs
    images: ImageStore
    locks: Locks
    mark: BucketMark | None = None
    """Of the bucket that has the blobs."""
    objects: LeftObjects = field(default_factory=LeftObjects)

    async def publish(self, received: ReceivedFile, add_rows: AddRows) -> bool:
        """Store a blob and its rows completely or not at all, also if the requester disconnects.

        The lock of the digest is held from before the blob until after the rows, so that nothing
        removes the blob in between. Where there are no locks, each blob has a name of its own,
        which nothing else knows until then.

        Args:
            received: the file; it is moved.
            add_rows: called once the blob is on disk. When it fails or adds nothing, or the rows
                have a blob of another name, this one is removed, unless other rows know it.

        Returns:
            Whether there are rows.

        Raises:
            InsufficientStorage: the disk is full; nothing is kept.
            BucketUnavailable: the bucket may be that of another installation.
            ImagesvcError: what `add_rows` raised; nothing is kept.
        """
        if self.mark is not None:
            self.mark.require()
        return await run_to_end(self._publish(received, add_rows))

    async def _publish(self, received: ReceivedFile, add_rows: AddRows) -> bool:
        digest, kept = received.digest, None
        name = self._left_by_failure(digest)
        async with self.locks.hold(digest):
            try:
                name = await self.blobs.put(received.path, digest)
                received.is_moved = True
                await self._replace_lost(name)
                kept = await add_rows(name)
            except OutcomeUnknown:
                kept = name  # rows may have it; if not, it is collected as an orphan
                raise
            finally:
                if name is not None and kept != name:
                    await self._withdraw(name)
        return kept is not None

    def _left_by_failure(self, digest: Digest) -> BlobName | None:
        """What `put` may leave when it fails: a file, but no object that could be named."""
        name = BlobName(digest)
        return None if self.blobs.path(name) is None else name

    async def _replace_lost(self, name: BlobName) -> None:
        """Give rows the new blob if theirs is missing or damaged; a file is replaced by `put`."""
        if own_name_of(name) is None:
            return
        known = await self.images.name_of(digest_of(name))
        if known is None or await self._is_sound(known):
            return
        if await self.images.rename_blob(known, name):
            self.verified.forget(known)

    async def _is_sound(self, name: BlobName) -> bool:
        try:
            return await self.verified.size(name) is not None
        except OriginalDamaged:
            return False

    async def _withdraw(self, name: BlobName) -> None:
        if not await self.images.known_names([name]):
            with self.objects.left():
                await self.blobs.delete(name)
