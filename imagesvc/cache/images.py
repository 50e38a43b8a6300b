"""Cached image rows for delivery: each request for a variant needs its image."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field

from imagesvc.errors import NotFound, OriginalDamaged, Unavailable
from imagesvc.model.ids import Digest, ImageId
from imagesvc.model.images import Image, Visibility
from imagesvc.store.db.lease import Lease
from imagesvc.store.images import ImageStore

MAX_IMAGES = 20_000


@dataclass(slots=True)
class ImageCache:
    """An LRU of image rows; code that changes or deletes an image calls `forget`."""

    store: ImageStore
    lease: Lease | None = None
    max_images: int = MAX_IMAGES
    _images: OrderedDict[ImageId, Image] = field(default_factory=OrderedDict)
    _changes: int = 0

    async def get(self, image_id: ImageId) -> Image:
        """The image as delivery needs it; its status may be that of an earlier time.

        Raises:
            NotFound: there is no such image, or it has expired.
            Unavailable: its row must be read, and cannot be.
        """
        if self.lease is not None and self.lease.is_lapsed:
            return await self._get_current(image_id)
        image = self._images.get(image_id)
        if image is not None:
            self._images.move_to_end(image_id)
            return image
        changes = self._changes
        image = await self.store.get(image_id)
        is_current = changes == self._changes  # otherwise it may have been deleted meanwhile
        # Another process may delete what is in the trash or expires; it cannot call `forget`.
        if is_current and not image.is_trashed and image.expires_at is None:
            self._images[image_id] = image
            if len(self._images) > self.max_images:
                self._images.popitem(last=False)
        return image

    async def _get_current(self, image_id: ImageId) -> Image:
        """The image where another node may have changed it: its row, or what all could see."""
        try:
            return await self.store.get(image_id)
        except Unavailable:
            known = self._images.get(image_id)
            if known is None or known.shown_as is Visibility.PRIVATE:
                raise
            return known

    def holds(self, image: Image) -> bool:
        """Whether this row is cached: it was neither changed nor deleted since it was read."""
        return self._images.get(image.id) is image

    def forget(self, *image_ids: ImageId) -> None:
        """Remove the rows, so that they are read again."""
        self._changes += 1
        for image_id in image_ids:
            self._images.pop(image_id, None)

    @contextlib.contextmanager
    def reread_if_lost(self, image_id: ImageId) -> Iterator[None]:
        """Forget the row if its original turns out to be missing or damaged.

        An upload of the same bytes at another node may have replaced it under another name.
        """
        try:
            yield
        except (NotFound, OriginalDamaged):
            self.forget(image_id)
            raise

    def forget_all(self) -> None:
        """Remove all rows, since many have changed."""
        self._changes += 1
        self._images.clear()

    def forget_original(self, digest: Digest) -> None:
        """Remove the rows of all images that share this original."""
        self._changes += 1
        shared = [key for key, image in self._images.items() if image.original.digest == digest]
        for image_id in shared:
            del self._images[image_id]
