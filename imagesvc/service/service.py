"""A running service: its parts are opened and closed in order."""

from __future__ import annotations

import asyncio
import time

import structlog

from imagesvc.logs import print_on_terminal
from imagesvc.outbound.lookups import Resolver, system_addresses
from imagesvc.service.background import Background
from imagesvc.service.database import prepare_database
from imagesvc.service.parts import Parts
from imagesvc.service.urls import url_for_browsers
from imagesvc.settings.settings import Settings
from imagesvc.store.db.sqlite.version import FIXES, has_wal_reset_bug, sqlite_version
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.file_system import DOCS as FILE_SYSTEM_DOCS
from imagesvc.store.files.file_system import doubtful_file_system
from imagesvc.store.files.files import shortage
from imagesvc.store.files.locks import DataDirLock
from imagesvc.store.files.secret import is_private

log = structlog.get_logger()


class Service(Parts):
    """The parts of a service, and the order in which they begin and end."""

    def __init__(self, settings: Settings, *, resolver: Resolver = system_addresses) -> None:
        super().__init__(settings, resolver=resolver)
        self._background = Background(self)
        self._lock: DataDirLock | None = None
        self._stop_by: float | None = None
        self._recovered = 0

    def claim_data_dir(self) -> None:
        """Lock the data directory for this process; warn if it may be unsafe.

        Raises:
            DataDirInUse: another server uses it.
            DataDirSplit: it is on several file systems.
        """
        data_dir = self.files.data_dir
        _warn_of_file_system(data_dir)
        _warn_of_readable_secret(data_dir)
        if self.settings.is_embedded:
            _warn_of_sqlite()
        self._lock = DataDirLock(data_dir.server_lock)
        data_dir.check_renames()

    async def open(self) -> None:
        """Migrate the data directory, recover, and start all tasks.

        Raises:
            InsufficientStorage, Unavailable: the database cannot be used, or the bucket is that of
                another installation; `close` must still be called.
            WorkerDied: a worker does not start.
        """
        workers = asyncio.create_task(self.workers.pool.start())
        try:
            await asyncio.to_thread(self._prepare)
            await self.files.open()
            is_checked = await self.identity.is_checked(by_server=True)
            await self.accounts.open()
            await self.caches.disk.start()
            self._recovered = await self.runner.start()
        finally:
            await workers
        self.stores.database.follow_changes(self.caches.forget)
        self.outbound.dispatcher.start()
        if self.purger is not None:
            self.purger.start()
        self._background.start(is_bucket_checked=is_checked)
        self.sources.watcher.start()

    def _prepare(self) -> None:
        data_dir, floor = self.files.data_dir, self.settings.min_free_space
        if self.settings.is_embedded:  # workers of other processes may be using it
            data_dir.empty_tmp()
        prepare_database(self.stores.database, self.files, may_upgrade=True, may_use_reserve=True)
        if (free := data_dir.free_bytes()) < floor:
            log.warning(
                "too little space is free; uploads are refused",
                action="disk.full",
                reason=shortage(free),
                free_bytes=free,
            )
        self.files.fill_reserve(floor)

    def announce(self, url: str) -> None:
        """Announce the ready service with its URL, also to commands on the data directory."""
        log.info(
            "ready",
            action="service.ready",
            url=url,
            docs=f"{url}/api/v1/docs",
            recovered_jobs=self._recovered,
        )
        if self._lock is not None:
            self._lock.publish(url)
        for_browsers = url_for_browsers(self.settings, url)
        print_on_terminal(f"Open {for_browsers}")
        self.accounts.announce(url, for_browsers)

    def begin_stop(self) -> None:
        """Start no more jobs before a stop. Safe to call from a signal handler."""
        self._stop_by = time.monotonic() + self.settings.shutdown_timeout
        self.runner.is_draining = True

    @property
    def is_stopping(self) -> bool:
        """Whether a stop has been announced, so that long responses must end."""
        return self._stop_by is not None

    async def close(self) -> None:
        """Finish running work, queue the rest again, write pending data."""
        await self._background.stop()
        await self.sources.watcher.stop()
        stop_by = self._stop_by or time.monotonic() + self.settings.shutdown_timeout
        seconds = max(0.0, stop_by - time.monotonic())
        await asyncio.gather(self.runner.stop(seconds), self.outbound.dispatcher.stop(seconds))
        if self.purger is not None:
            await self.purger.stop()
        await self.caches.disk.close()
        await self.workers.pool.close()
        await self.accounts.close()
        await self.stores.database.close()
        await self.files.close()
        if self._lock is not None:
            self._lock.release()
        log.info("stopped", action="service.stopped")


def _warn_of_file_system(data_dir: DataDir) -> None:
    kind = doubtful_file_system(data_dir.root)
    if kind is not None:
        log.warning(
            "the data directory is on a network or FUSE file system, where the database may be "
            "damaged and acknowledged uploads may be lost",
            action="data_dir.file_system",
            path=str(data_dir.root),
            file_system=kind,
            docs=FILE_SYSTEM_DOCS,
        )


def _warn_of_readable_secret(data_dir: DataDir) -> None:
    secret = data_dir.secret
    if secret.exists() and not is_private(secret):
        log.warning(
            "other users can read the secret that signs tokens and URLs: chmod 600",
            action="secret.readable",
            path=str(secret),
        )


def _warn_of_sqlite() -> None:
    if has_wal_reset_bug():
        log.warning(
            "this version of SQLite may damage a database that two programs write at once; "
            "imagesvc and its commands take turns, so let no other program write to it",
            action="sqlite.affected",
            sqlite=sqlite_version(),
            fixed_in=FIXES,
            docs=FILE_SYSTEM_DOCS,
        )
