"""Publishing: a received file becomes a blob together with the rows that point at it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from imagesvc.cancellation import run_to_end
from imagesvc.model.ids import Digest
from imagesvc.store.files.blobs import BlobStore
from imagesvc.store.files.incoming import ReceivedFile
from imagesvc.store.files.locks import DigestLocks
from imagesvc.store.images import ImageStore

AddRows = Callable[[], Awaitable[bool]]
"""Commits the rows of a blob in one transaction; False when it added none."""


@dataclass(frozen=True, slots=True)
class Publisher:
    """Moves received files into the blob store: blob first, rows second (invariant 2)."""

    blobs: BlobStore
    images: ImageStore
    locks: DigestLocks

    async def publish(self, received: ReceivedFile, add_rows: AddRows) -> bool:
        """Store a blob and its rows completely or not at all, also if the requester disconnects.

        The lock of the digest is held from before the blob until after the rows, so that nothing
        removes the blob in between.

        Args:
            received: the file; it is moved.
            add_rows: called once the blob is on disk. When it fails or adds nothing, the blob is
                removed, unless other rows know it.

        Returns:
            What `add_rows` returned.

        Raises:
            InsufficientStorage: the disk is full; nothing is kept.
            ImagesvcError: what `add_rows` raised; nothing is kept.
        """
        return await run_to_end(self._publish(received, add_rows))

    async def _publish(self, received: ReceivedFile, add_rows: AddRows) -> bool:
        digest, is_kept = received.digest, False
        async with self.locks.hold(digest):
            try:
                await self.blobs.put(received.path, digest)
                received.is_moved = True
                is_kept = await add_rows()
            finally:
                if not is_kept:
                    await self._withdraw(digest)
        return is_kept

    async def _withdraw(self, digest: Digest) -> None:
        if not await self.images.known_digests([digest]):
            await self.blobs.delete(digest)
