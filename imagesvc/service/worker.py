"""A running worker: the parts that make variants, without HTTP."""

from __future__ import annotations

import asyncio
from functools import partial

import structlog

from imagesvc.cancellation import end
from imagesvc.service.database import prepare_database
from imagesvc.service.engine.jobs import job_worker_of
from imagesvc.service.parts import Parts
from imagesvc.service.readiness import check_room
from imagesvc.settings.settings import Settings

log = structlog.get_logger()


class WorkerService(Parts):
    """The parts of a service that jobs need, opened and closed in order."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        has_room = partial(check_room, self.files, settings)
        self._checking: asyncio.Task[None] | None = None
        self.jobs = job_worker_of(settings, self.files, self.stores, self.caches, has_room)

    async def run(self, stop: asyncio.Event) -> None:
        """Run jobs until the event is set; what runs then has `shutdown_timeout` to end.

        Raises:
            Unavailable: the database cannot be used, or has not the tables of this version; or the
                bucket is that of another installation.
            WorkerDied: a process of the pool does not start.
        """
        try:
            await self._open()
            log.info("ready", action="service.ready")
            await stop.wait()
            await self.jobs.stop(self.settings.shutdown_timeout)
        finally:
            await self._close()
            log.info("stopped", action="service.stopped")

    async def _open(self) -> None:
        pool = asyncio.create_task(self.workers.pool.start())
        try:
            await asyncio.to_thread(
                prepare_database, self.stores.database, self.files,
                may_upgrade=False, may_use_reserve=False,
            )  # fmt: skip
            await self.files.open()
            if not await self.identity.is_checked(by_server=False):
                self._checking = asyncio.create_task(self.identity.check_again(by_server=False))
            await self.caches.disk.start()
        finally:
            await pool
        await self.jobs.start()

    async def _close(self) -> None:
        if self._checking is not None:
            await end(self._checking)
        await self.caches.disk.close()
        await self.workers.pool.close()
        await self.stores.database.close()
        await self.files.close()
