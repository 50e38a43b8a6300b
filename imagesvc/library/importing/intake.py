"""Takes files of this machine into the library: what uploads over HTTP are for other machines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from anyio import to_thread

from imagesvc.errors import Rejected
from imagesvc.library.accept import Acceptor, UploadFields
from imagesvc.model.ids import Digest, ImageId, UserId, utc_now
from imagesvc.model.images import Image
from imagesvc.store.bulk.digests import OwnedDigests
from imagesvc.store.files.incoming import Incoming

PIECE_BYTES = 1 << 18


class ChangedWhileRead(Rejected):
    """A file whose content differs from what was read of it before."""


@dataclass(frozen=True, slots=True)
class Intake:
    """Where files go in."""

    acceptor: Acceptor
    incoming: Incoming
    digests: OwnedDigests

    async def existing(
        self, digests: Sequence[Digest], owner_id: UserId | None
    ) -> dict[Digest, tuple[ImageId, bool]]:
        """The images of the owner that have these contents, and whether each is in the trash."""
        return await self.digests.images_with(digests, owner_id, now=utc_now())

    async def take(
        self, open_file: Callable[[], BinaryIO], fields: UploadFields, expected: Digest | None
    ) -> Image:
        """Make an image of a file.

        Raises:
            ChangedWhileRead: its content is not the expected one; nothing is kept.
            OSError: it cannot be read.
            ImagesvcError: it is not accepted, as an upload would not be.
        """
        async with self.incoming.receive() as file:
            opened = await to_thread.run_sync(open_file)
            try:
                while piece := await to_thread.run_sync(opened.read, PIECE_BYTES):
                    await file.write(piece)
            finally:
                opened.close()
            received = await file.finish()
            if expected is not None and received.digest != expected:
                raise ChangedWhileRead("The file changed while it was read.")
            return await self.acceptor.accept(received, fields)
