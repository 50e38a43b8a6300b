"""Keeps the disk tier within its bytes: the least recently used variants go first."""

from __future__ import annotations

import asyncio

import structlog

from imagesvc.errors import ImagesvcError, text_of
from imagesvc.model.images import Variant
from imagesvc.store.contents.variants import VariantContents
from imagesvc.store.variants import VariantStore

log = structlog.get_logger()

BATCH = 200
LOW_WATER = 0.95
"""Eviction continues to this part of the limit, so that it does not start again immediately."""


class Eviction:
    """Counts the bytes of stored variants and evicts when there are too many."""

    def __init__(self, store: VariantStore, contents: VariantContents, max_bytes: int) -> None:
        self._store = store
        self._contents = contents
        self._max_bytes = max_bytes
        self._bytes = 0
        self.evicted = 0
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Count the stored variants."""
        self.grew(await self._store.total_bytes())

    async def close(self) -> None:
        """Let a running eviction finish its batch."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def bytes(self) -> int:
        """Bytes stored, about: deletions are counted when an eviction looks."""
        return self._bytes

    def grew(self, added: int) -> None:
        """Note that variants were stored; evict in the background when there are too many."""
        self._bytes += added
        if self._bytes > self._max_bytes and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._evict())

    async def _evict(self) -> None:
        try:
            self._bytes = await self._store.total_bytes()  # deletions were not counted
            while self._bytes > self._max_bytes * LOW_WATER:
                oldest = await self._store.least_recently_used(BATCH)
                if not oldest:
                    break
                await self._drop(_enough(oldest, self._bytes - int(self._max_bytes * LOW_WATER)))
        except (ImagesvcError, OSError) as error:
            log.error("eviction failed", action="variants.eviction_failed", error=text_of(error))

    async def _drop(self, variants: list[Variant]) -> None:
        keys = [variant.key for variant in variants]
        await self._store.remove(keys)
        await self._contents.delete(keys)
        self.evicted += len(keys)
        self._bytes -= sum(variant.bytes for variant in variants)
        log.info("variants evicted", action="variants.evicted", count=len(keys))


def _enough(oldest: list[Variant], excess: int) -> list[Variant]:
    """As many of the oldest as make up for the excess bytes."""
    chosen: list[Variant] = []
    for variant in oldest:
        if excess <= 0:
            break
        chosen.append(variant)
        excess -= variant.bytes
    return chosen
