"""What a service does regularly beside its requests and jobs."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial

import structlog

from imagesvc.errors import ImagesvcError, text_of
from imagesvc.model.ids import utc_now
from imagesvc.service.parts import Parts
from imagesvc.service.readiness import check_database

log = structlog.get_logger()

NOTE_SECONDS = 60.0
"""Between two writes of what was used."""
REMOVE_SECONDS = 60.0
"""Between two deletions of what is due, or `gc_interval` if that is shorter."""


class Background:
    """The background tasks of a service."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._leadership = parts.stores.database.leadership
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, *, is_bucket_checked: bool) -> None:
        """Begin each of them."""
        loops = [
            self._collect_regularly,
            self._remove_regularly,
            self._note_uses_regularly,
            self._verify_blobs,
        ]
        if not self._parts.settings.is_embedded:
            loops.append(self._collect_uploads_regularly)
        if not is_bucket_checked:
            loops.append(partial(self._parts.identity.check_again, by_server=True))
        self._tasks = [asyncio.create_task(loop()) for loop in loops]

    async def stop(self) -> None:
        """End them where they are."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _collect_regularly(self) -> None:
        while True:
            await self._leadership.elected()
            try:
                await self._leadership.while_leading(self._collect_once())
            except (ImagesvcError, OSError) as error:
                log.error("orphans not collected", action="gc.failed", error=text_of(error))
            await asyncio.sleep(self._parts.settings.gc_interval)

    async def _collect_once(self) -> None:
        # With rows missing, the files that they point at would look like orphans.
        await check_database(self._parts.stores)
        await self._prune()
        await self._collect()

    async def _prune(self) -> None:
        """Remove rows that are older than what they are kept for."""
        stores = self._parts.stores
        now = utc_now()
        if self._parts.purger is not None:
            await self._parts.purger.take_events()
        retention = timedelta(seconds=self._parts.settings.event_retention)
        await stores.idempotency_records.prune(now)
        await stores.events.prune(now - retention)
        await stores.deliveries.prune(now - retention)

    async def _collect(self) -> None:
        grace = self._parts.settings.gc_grace
        found = await self._parts.collector.collect(grace_seconds=grace)
        log.info(
            "orphans collected",
            action="gc.done",
            blobs=found.blobs,
            variants=found.variants,
            uploads=found.uploads,
            slots=found.slots,
        )
        if found.refused:
            log.error(
                "orphans cannot be removed", action="gc.refused", objects=found.refused,
                error=found.refusal,
            )  # fmt: skip

    async def _collect_uploads_regularly(self) -> None:
        """Remove the unfinished uploads of this node, also while another one leads."""
        settings = self._parts.settings
        while True:
            await asyncio.sleep(settings.gc_interval)
            try:
                await self._parts.collector.collect_uploads(settings.gc_grace)
            except OSError as error:
                log.error("uploads not collected", action="gc.failed", error=text_of(error))

    async def _remove_regularly(self) -> None:
        """Delete images for good that have expired, or have been in the trash long enough."""
        pause = min(REMOVE_SECONDS, self._parts.settings.gc_interval)
        while True:
            await self._leadership.elected()
            try:
                await self._leadership.while_leading(self._remove_due())
            except (ImagesvcError, OSError) as error:
                log.error("due images not deleted", action="due.failed", error=text_of(error))
            await asyncio.sleep(pause)

    async def _remove_due(self) -> None:
        await self._parts.clock_watch.look()
        removed = await self._parts.due_images.remove()
        if removed:
            log.info("due images deleted", action="due.deleted", images=removed)

    async def _note_uses_regularly(self) -> None:
        parts = self._parts
        while True:
            await asyncio.sleep(NOTE_SECONDS)
            for key in parts.caches.memory.take_used():
                parts.caches.disk.touch(key)
            await parts.caches.disk.flush()
            await parts.accounts.keep_up()
            await asyncio.to_thread(parts.files.fill_reserve, parts.settings.min_free_space)

    async def _verify_blobs(self) -> None:
        while True:
            try:
                await self._parts.files.verified.scrub()
            except (ImagesvcError, OSError) as error:
                log.error("blobs not verified", action="blobs.unverified", error=text_of(error))
