"""Stores mezzanines: separate blobs to which originals refer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from anyio import CancelScope

from imagesvc.model.ids import Digest, ImageId, utc_now
from imagesvc.model.images import Mezzanine, Original
from imagesvc.store.files.blobs import BlobStore
from imagesvc.store.files.incoming import Incoming
from imagesvc.store.files.locks import DigestLocks
from imagesvc.store.images import ImageStore


@dataclass(frozen=True, slots=True)
class Mezzanines:
    """Stores the mezzanine of an original, blob first and row second."""

    incoming: Incoming
    blobs: BlobStore
    images: ImageStore
    locks: DigestLocks
    on_added: Callable[[Digest], None]
    clock: Callable[[], datetime] = utc_now

    async def keep(
        self, image_id: ImageId, original: Original, planned: Mezzanine, made: bytes
    ) -> None:
        """Make some bytes the original's mezzanine unless it has one, for the image to use.

        Nothing is kept when the original was deleted.


        Args:
            image_id: whose job made it.
            original: as stored.
            planned: the mezzanine, but for its digest.
            made: its file.

        Raises:
            InsufficientStorage: the disk is full; the original is used without one.
        """
        async with self.incoming.receive() as file:
            await file.write(made)
            received = await file.finish()
            mezzanine = replace(planned, digest=received.digest)
            with CancelScope(shield=True):
                async with self.locks.hold(received.digest):
                    await self.blobs.put(received.path, received.digest)
                    received.is_moved = True
                    is_kept = await self.images.add_mezzanine(
                        image_id, original.digest, mezzanine, received.bytes, self.clock()
                    )
                    if not is_kept and not await self.images.known_digests([received.digest]):
                        await self.blobs.delete(received.digest)
        self.on_added(original.digest)
