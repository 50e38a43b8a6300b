"""Copies of originals without location or metadata, cached like variants."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from imagesvc.cache.content import Fetched
from imagesvc.cache.memory import Entry
from imagesvc.cache.single_flight import InFlight
from imagesvc.cache.variants import Admit, VariantCache
from imagesvc.imaging.cost import copy_cost
from imagesvc.imaging.messages import Copied, Removal, Withheld
from imagesvc.imaging.transforms.effective import ANIMATED, moves
from imagesvc.model.formats import Format
from imagesvc.model.ids import VariantKey, utc_now
from imagesvc.model.images import Image, Original, Variant
from imagesvc.model.jobs import Priority
from imagesvc.model.transforms import Transform
from imagesvc.store.variants import COPY
from imagesvc.workers.renderer import Renderer

QUALITY = 90
"""Of full-size pictures in place of originals."""
RULES = 3
"""The version of the removal; another number makes every copy again."""


@dataclass(frozen=True, slots=True)
class Copy:
    """The original for strangers: a kind, and the bytes if they differ from the stored ones."""

    removal: Removal
    fetched: Fetched


@dataclass(frozen=True, slots=True)
class OriginalCopies:
    """The copies of originals; that there is nothing to remove is remembered as an empty copy."""

    variants: VariantCache
    renderer: Renderer
    timeout: float
    clock: Callable[[], datetime] = utc_now

    async def fetch(self, image: Image, withheld: Withheld, admit: Admit | None = None) -> Copy:
        """The original for strangers.

        Args:
            image: whose original.
            withheld: what strangers must not have of it.
            admit: called before it is examined for this requester, and may raise.

        Raises:
            TimedOut, Overloaded: it is not known in time.
            NotFound: the image was deleted meanwhile.
        """
        key, make = key_of(image, withheld), partial(self._make, image, withheld)
        fetched = await self.variants.fetch_or(make, key, image.id, admit)
        return Copy(Removal(fetched.variant.transform.removeprefix(COPY)), fetched)

    async def _make(self, image: Image, withheld: Withheld, started: InFlight) -> Fetched:
        began = time.perf_counter()
        cost = copy_cost(image.original, image.bytes)
        async with self.renderer.admit(Priority.INTERACTIVE, cost):
            queued = time.perf_counter() - began
            made = await self.renderer.copy_without(image.original, withheld, self.timeout)
        variant = self._variant(image, started.key, made)
        if made.copy is None:
            entry = Entry(variant, b"")
            if not started.is_void:
                self.variants.disk.put_behind(entry)
            return Fetched(entry, "rendered", {"queue": queued})
        content = await self.variants.keep(started, variant, made.copy)
        return Fetched(content, "rendered", {"queue": queued, **made.copy.seconds})

    def _variant(self, image: Image, key: VariantKey, made: Copied) -> Variant:
        now = self.clock()
        return Variant(
            key=key,
            image_id=image.id,
            transform=f"{COPY}{made.removal}",
            format=image.original.format,
            width=image.original.width,
            height=image.original.height,
            bytes=0 if made.copy is None else made.copy.bytes,
            crc32=0 if made.copy is None else made.copy.crc32,
            created_at=now,
            last_used_at=now,
        )


def full_size(original: Original) -> Transform:
    """The original for strangers if nothing can be removed with certainty."""
    kind = original.format
    if kind not in {Format.JPEG, Format.PNG, Format.WEBP, Format.GIF}:
        kind = Format.PNG if original.has_alpha else Format.JPEG
    if moves(original) and kind not in ANIMATED:
        kind = Format.WEBP
    return Transform(format=kind, q=QUALITY, exact=True)


def key_of(image: Image, withheld: Withheld) -> VariantKey:
    """The key of the copy of an image's original."""
    text = f"{image.id} {image.original.digest} without {withheld}, rules {RULES}"
    return VariantKey(hashlib.sha256(text.encode()).hexdigest())
