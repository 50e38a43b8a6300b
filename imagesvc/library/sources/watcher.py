"""Scans the sources of a service when they are due, in the background."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import structlog
from anyio import move_on_after

from imagesvc.errors import ImagesvcError, NotFound, text_of
from imagesvc.library.sources.events import FolderEvents
from imagesvc.library.sources.record import ScanRecord
from imagesvc.library.sources.scanner import Scanner
from imagesvc.model.ids import SourceId, utc_now
from imagesvc.model.sources import Source
from imagesvc.store.db.leadership import Leadership
from imagesvc.store.sources.sources import SourceStore

log = structlog.get_logger()

LOOK_SECONDS = 5.0
"""Between two looks at what is due, unless a scan is asked for."""
SCANS_AT_ONCE = 2
REST_SECONDS = 2.0
"""At least, between a scan and one that an event asks for."""


class Watcher:
    """Runs the scans of all sources: one of a source at a time, and a few of all."""

    def __init__(
        self,
        store: SourceStore,
        scanner: Scanner,
        folder_of: Callable[[Source], Path],
        leadership: Leadership,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._leadership = leadership
        self._store = store
        self._scanner = scanner
        self._clock = clock
        self._events = FolderEvents(folder_of, self._note_change)
        self._changed: set[SourceId] = set()
        """Folders in which something has changed since their last scan began."""
        self._rests_until: dict[SourceId, float] = {}
        self._scans: dict[SourceId, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look for what is due."""
        self._loop = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """End all scans where they are; the next start goes on."""
        tasks = [*self._scans.values(), *([] if self._loop is None else [self._loop])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._events.stop()

    @property
    def record(self) -> ScanRecord:
        """What scans have found since the start."""
        return self._scanner.record

    def notify(self) -> None:
        """Look for what is due now."""
        self._wake.set()

    @property
    def running(self) -> frozenset[SourceId]:
        """The sources that are being scanned."""
        return frozenset(self._scans)

    async def forget(self, source_id: SourceId) -> None:
        """End the scan of a source that is deleted."""
        task = self._scans.get(source_id)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self.record.forget(source_id)
        self._rests_until.pop(source_id, None)

    def _note_change(self, source_id: SourceId) -> None:
        self._changed.add(source_id)
        if source_id not in self._scans and self._is_rested(source_id):
            self._wake.set()

    def _is_rested(self, source_id: SourceId) -> bool:
        return time.monotonic() >= self._rests_until.get(source_id, 0.0)

    async def _run(self) -> None:
        while True:
            await self._leadership.elected()
            self._wake.clear()
            try:
                await self._start_due()
            except (ImagesvcError, OSError) as error:
                log.error("sources not scanned", action="sources.failed", error=text_of(error))
            with move_on_after(LOOK_SECONDS):
                await self._wake.wait()

    async def _start_due(self) -> None:
        sources = await self._store.enabled()
        self._events.follow(sources)
        self._changed &= {source.id for source in sources}
        for source in sources:
            if len(self._scans) >= SCANS_AT_ONCE:
                return
            if source.id not in self._scans and self._is_due(source):
                task = self._scans[source.id] = asyncio.create_task(self._scan(source))
                task.add_done_callback(partial(self._ended, source.id))

    def _ended(self, source_id: SourceId, _task: asyncio.Task[None]) -> None:
        del self._scans[source_id]  # also of a scan that was cancelled before it began

    def _is_due(self, source: Source) -> bool:
        has_event = source.id in self._changed and self._is_rested(source.id)
        return has_event or is_due(source, self._clock())

    async def _scan(self, source: Source) -> None:
        """Scan a source; if the result is not recorded, it is due again after a pause."""
        try:
            await self._events.begun(source.id)
            self._changed.discard(source.id)
            result = await self._leadership.while_leading(self._scanner.scan(source))
            # A folder that changes all the time is scanned for half of the time at most.
            rest = max(REST_SECONDS, result.seconds)
            self._rests_until[source.id] = time.monotonic() + rest
            self._wake.set()
        except NotFound:
            return  # it was deleted meanwhile
        except (ImagesvcError, OSError) as error:
            log.error("source not scanned", action="source.failed", error=text_of(error))
        except Exception:  # one source does not end the others
            log.exception("source not scanned", action="source.failed", source=str(source.id))


def is_due(source: Source, now: datetime) -> bool:
    """Whether a source is to be scanned; a clock that was set back does not delay it for long."""
    left = source.next_scan_at - now
    return left <= timedelta() or left > timedelta(seconds=source.interval_seconds)
