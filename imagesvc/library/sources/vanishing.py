"""The images of files that are gone, and of files that are there again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imagesvc.library.trash import Trash
from imagesvc.model.ids import ImageId
from imagesvc.model.sources import KnownEntry, OnVanish, Source
from imagesvc.store.images import ImageStore


@dataclass(frozen=True, slots=True)
class Vanishing:
    """Follows files with their images, if the source says so."""

    images: ImageStore
    trash: Trash

    async def let_go(
        self, source: Source, there: Sequence[KnownEntry], gone: Sequence[KnownEntry]
    ) -> None:
        """Put the images of files that are gone into the trash, but for those of other files."""
        if source.on_vanish is not OnVanish.TRASH:
            return
        lost = {entry.path for entry in gone}
        kept = {entry.image_id for entry in there if entry.path not in lost}
        wanted = [e.image_id for e in gone if e.image_id is not None and e.image_id not in kept]
        for batch in self._batches(wanted):
            found = await self.images.several(batch)
            own = [
                image.id
                for image in found.values()
                if image.owner_id == source.owner_id and not image.is_trashed
            ]
            await self.trash.put_in(own)

    async def take_back(self, source: Source, rows: Sequence[KnownEntry]) -> list[KnownEntry]:
        """Restore the images of files that are there again.

        Returns:
            The rows whose files need not be taken again: an image in the trash may have been
            deleted for good since.
        """
        if source.on_vanish is not OnVanish.TRASH:
            return [*rows]
        existing: set[ImageId] = set()
        for batch in self._batches([row.image_id for row in rows if row.image_id is not None]):
            found = await self.images.several(batch)
            existing |= found.keys()
            await self.trash.restore([image.id for image in found.values() if image.is_trashed])
        return [row for row in rows if row.image_id is None or row.image_id in existing]

    def _batches(self, image_ids: Sequence[ImageId]) -> list[Sequence[ImageId]]:
        size = self.trash.batch
        return [image_ids[begin : begin + size] for begin in range(0, len(image_ids), size)]
