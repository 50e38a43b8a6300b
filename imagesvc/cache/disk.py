"""The disk tier: a variant's bytes, its row and checksum, write-behind, and eviction.

The bytes are written first and the row second: a variant counts as stored once it has a row. The
checksum in the row detects files that a crash left incomplete.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import BinaryIO

from imagesvc.cache.content import StoredVariant
from imagesvc.cache.eviction import Eviction
from imagesvc.cache.memory import Entry
from imagesvc.cache.write_behind import WriteBehind
from imagesvc.errors import ImagesvcError
from imagesvc.model.ids import ImageId, VariantKey, utc_now
from imagesvc.model.images import Variant
from imagesvc.store.contents.variants import VariantContents
from imagesvc.store.objects.left import LeftObjects
from imagesvc.store.variants import VariantStore

Content = bytes | BinaryIO
"""The content of a file: bytes, or an open file to copy and to close."""


class DiskTier:
    """Every variant on disk."""

    def __init__(
        self,
        store: VariantStore,
        contents: VariantContents,
        max_bytes: int,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = store
        self._contents = contents
        self._objects = LeftObjects()
        self._eviction = Eviction(store, contents, max_bytes)
        self._behind = WriteBehind(self._put_entries, store.touch, clock)
        self.put_behind = self._behind.add
        self.waiting = self._behind.find
        self.touch = self._behind.touch
        self.flush = self._behind.flush

    async def start(self) -> None:
        """Count the stored variants, and start to write behind."""
        self._behind.start()
        await self._eviction.start()

    async def close(self) -> None:
        """Write what waits, then stop."""
        await self._behind.close()
        await self._eviction.close()  # last, since the write before may have begun an eviction

    @property
    def stored_bytes(self) -> int:
        """Bytes stored, about."""
        return self._eviction.bytes

    @property
    def evicted(self) -> int:
        """Variants evicted since the start."""
        return self._eviction.evicted

    def stored_content(self, variant: Variant) -> StoredVariant:
        """A stored variant, to be sent from where it is."""
        return StoredVariant(variant, self._contents)

    def holds(self, key: VariantKey) -> bool | None:
        """Whether there are bytes, possibly damaged or without a row; None if it is not known."""
        return self._contents.holds(key)

    async def find(self, key: VariantKey) -> Variant | None:
        """The row of a variant that may have bytes; its use is recorded."""
        if self._contents.holds(key) is False:  # without the bytes a row is useless
            return None
        variant = await self._store.find(key)
        if variant is not None:
            self.touch(key)
        return variant

    async def read(self, variant: Variant) -> bytes | None:
        """The bytes of a variant; None when they are missing or damaged."""
        return await self._contents.read(variant)

    async def is_whole(self, variant: Variant) -> bool:
        """Whether a variant's bytes are there, as its row says."""
        return await self._contents.is_whole(variant)

    async def stored(self, keys: Sequence[VariantKey]) -> dict[VariantKey, Variant]:
        """Those of these variants that have a row and all their bytes."""
        rows = await self._store.find_all(keys)
        return {key: found for key, found in rows.items() if await self._contents.is_whole(found)}

    async def write(self, made: Sequence[tuple[Variant, Content]]) -> None:
        """Store bytes, for rows that follow.

        Raises:
            InsufficientStorage: the disk is full.
        """
        await self._contents.write([(variant.key, content) for variant, content in made])
        self._eviction.grew(sum(variant.bytes for variant, _ in made))

    async def record(self, made: Sequence[Variant]) -> set[VariantKey]:
        """Add the rows of stored bytes; those of deleted images are removed.

        Returns:
            The keys of those that have a row now.
        """
        recorded = await self._store.add(made)
        await self._remove([item.key for item in made if item.key not in recorded])
        return recorded

    async def put(self, made: Sequence[tuple[Variant, Content]]) -> set[VariantKey]:
        """Store bytes and add their rows; after an error there is neither.

        While the database cannot be read, the bytes stay: another node may have added the rows, or
        this one without an answer. Those without a row are orphans.

        Returns:
            The keys of those whose image is still there.

        Raises:
            InsufficientStorage: the disk is full.
        """
        variants = [variant for variant, _ in made]
        await self._contents.write([(variant.key, content) for variant, content in made])
        try:
            recorded = await self.record(variants)
        except ImagesvcError:
            with contextlib.suppress(ImagesvcError):
                await self._remove_unknown([variant.key for variant in variants])
            raise
        # Only now: an eviction counts the rows.
        self._eviction.grew(sum(item.bytes for item in variants if item.key in recorded))
        return recorded

    async def _put_entries(self, entries: Sequence[Entry]) -> None:
        await self.put([(entry.variant, entry.body) for entry in entries])

    async def discard(self, made: Sequence[Variant]) -> None:
        """Remove the bytes of variants that got no row, unless another attempt may add it."""
        await self._remove(await self._store.unneeded(made))

    async def _remove_unknown(self, keys: Sequence[VariantKey]) -> None:
        known = await self._store.known_keys(keys)
        await self._remove([key for key in keys if key not in known])

    async def _remove(self, keys: Sequence[str]) -> None:
        """Remove bytes without rows; those that a bucket does not remove are orphans."""
        with self._objects.left():
            await self._contents.delete(keys)

    def forget(self, *image_ids: ImageId) -> None:
        """Drop what waits to be written of these images."""
        self._behind.drop_images(*image_ids)

    async def remove_contents(self, keys: Sequence[str]) -> None:
        """Remove the bytes of variants whose rows were deleted."""
        await self._contents.delete(keys)

    async def purge(self, image_ids: Sequence[ImageId]) -> int:
        """Remove every stored variant of some images; the number of them."""
        await self.flush()
        self.forget(*image_ids)
        keys = await self._store.remove_of_images(image_ids)
        await self._contents.delete(keys)
        return len(keys)

    async def of_image(self, image_id: ImageId) -> list[Variant]:
        """The stored variants of an image, the most recently used first."""
        await self.flush()
        return await self._store.of_image(image_id)
