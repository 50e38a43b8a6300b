"""The caches: rows of images, variants in memory and on disk, originals without location."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imagesvc.cache.copies import OriginalCopies
from imagesvc.cache.disk import DiskTier
from imagesvc.cache.identity import Identities
from imagesvc.cache.images import ImageCache
from imagesvc.cache.memory import MemoryCache
from imagesvc.cache.variants import VariantCache
from imagesvc.model.ids import ImageId
from imagesvc.service.engine.transforms import Transforms
from imagesvc.service.engine.workers import Workers
from imagesvc.service.files import Files
from imagesvc.service.stores import Stores
from imagesvc.settings.settings import Settings


@dataclass(frozen=True, slots=True)
class Caches:
    """What is kept to be found faster, and can be made again."""

    images: ImageCache
    memory: MemoryCache
    disk: DiskTier
    variants: VariantCache
    """Variants of both tiers; those that are missing are rendered."""
    originals: OriginalCopies

    def forget(self, image_ids: Sequence[ImageId] | None) -> None:
        """Drop what other nodes have changed; everything, if it is None."""
        if image_ids is None:
            self.images.forget_all()
            self.memory.clear()
        else:
            self.images.forget(*image_ids)
            self.memory.remove_of_images(*image_ids)


def caches_of(
    settings: Settings, files: Files, stores: Stores, workers: Workers, transforms: Transforms
) -> Caches:
    """The caches above the stores, of the sizes that the settings give them."""
    memory = MemoryCache(settings.memory_cache_size)
    disk = DiskTier(stores.variants, files.variants, settings.variant_disk_size)
    variants = VariantCache(
        memory=memory,
        disk=disk,
        identities=Identities(transforms.qualities, transforms.watermarks),
        renderer=workers.renderer,
        timeout=settings.transform_timeout,
    )
    originals = OriginalCopies(variants, workers.renderer, settings.transform_timeout)
    images = ImageCache(stores.images, stores.database.lease)
    return Caches(images, memory, disk, variants, originals)
