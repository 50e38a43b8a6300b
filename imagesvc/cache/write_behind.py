"""Writes new variants to disk after the response, many at a time.

A variant can be made again, so no request waits for this; variants lost by a crash are rendered
again. A waiting entry can still be found.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from imagesvc.cache.memory import Entry
from imagesvc.errors import ImagesvcError, text_of
from imagesvc.model.ids import ImageId, VariantKey, utc_now
from imagesvc.outages.outage import Outage

MAX_PENDING_BYTES = 64 << 20
BATCH_SECONDS = 0.2


class WriteBehind:
    """Entries that wait to be stored, and uses that wait to be recorded."""

    def __init__(
        self,
        put: Callable[[Sequence[Entry]], Awaitable[None]],
        record_uses: Callable[[dict[VariantKey, datetime]], Awaitable[None]],
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._put = put
        self._record_uses = record_uses
        self._clock = clock
        self._pending: dict[VariantKey, Entry] = {}
        self._pending_bytes = 0
        self._used: dict[VariantKey, datetime] = {}
        self._wake = asyncio.Event()
        self._flushing = asyncio.Lock()
        self._outage = Outage(
            "variants not stored", "variants.unstored",
            "variants are stored again", "variants.stored",
        )  # fmt: skip
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write behind."""
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Write what waits, then stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.flush()

    def find(self, key: VariantKey) -> Entry | None:
        """A variant that waits to be written."""
        return self._pending.get(key)

    def add(self, entry: Entry) -> None:
        """Have a variant written soon; when too many bytes wait already, not at all."""
        if self._pending_bytes + len(entry.body) > MAX_PENDING_BYTES:
            return
        self._pending[entry.variant.key] = entry
        self._pending_bytes += len(entry.body)
        self._wake.set()

    def touch(self, key: VariantKey) -> None:
        """Have a use recorded soon."""
        self._used[key] = self._clock()

    def drop_images(self, *image_ids: ImageId) -> None:
        """Forget what waits of these images."""
        pending = self._pending.items()
        for key in [key for key, entry in pending if entry.variant.image_id in image_ids]:
            self._take(key)

    def _take(self, key: VariantKey) -> Entry:
        entry = self._pending.pop(key)
        self._pending_bytes -= len(entry.body)
        return entry

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(BATCH_SECONDS)  # so that neighbours share a commit
            self._wake.clear()
            await self.flush()

    async def flush(self) -> None:
        """Write what waits, and record the uses."""
        async with self._flushing:
            await self._flush()

    async def _flush(self) -> None:
        batch = list(self._pending.values())
        used, self._used = self._used, {}
        try:
            if used:
                await self._record_uses(used)  # first, since writing may make eviction choose
            if batch:
                await self._put(batch)
                self._outage.passed()
        except (ImagesvcError, OSError) as error:
            # A full disk costs the disk tier, not the answer.
            self._outage.failed(error=text_of(error))
        for entry in batch:
            if self._pending.get(entry.variant.key) is entry:
                self._take(entry.variant.key)
