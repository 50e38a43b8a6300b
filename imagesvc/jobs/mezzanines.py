"""Stores mezzanines: separate blobs to which originals refer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from imagesvc.model.ids import BlobName, Digest, ImageId, own_name_of, utc_now
from imagesvc.model.images import Mezzanine, Original
from imagesvc.store.files.incoming import Incoming
from imagesvc.store.images import ImageStore
from imagesvc.store.publish import Publisher


@dataclass(frozen=True, slots=True)
class Mezzanines:
    """Stores the mezzanine of an original."""

    incoming: Incoming
    images: ImageStore
    publisher: Publisher
    on_added: Callable[[Digest], None]
    clock: Callable[[], datetime] = utc_now

    async def keep(
        self, image_id: ImageId, original: Original, planned: Mezzanine, made: bytes
    ) -> None:
        """Make some bytes the original's mezzanine unless it has one, for the image to use.

        Nothing is kept when the original was deleted. A cancellation waits until it is decided.

        Args:
            image_id: whose job made it.
            original: as stored.
            planned: the mezzanine, but for its digest and its name.
            made: its file.

        Raises:
            InsufficientStorage: the disk is full; the original is used without one.
        """
        async with self.incoming.receive() as file:
            await file.write(made)
            received = await file.finish()

            async def add_row(name: BlobName) -> BlobName | None:
                mezzanine = replace(planned, digest=received.digest, own_name=own_name_of(name))
                kept = await self.images.add_mezzanine(
                    image_id, original.digest, mezzanine, received.bytes, self.clock()
                )
                self.on_added(original.digest)
                return kept

            await self.publisher.publish(received, add_row)
