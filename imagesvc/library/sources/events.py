"""Events of the file system in watched folders: they make a scan sooner, and a scan is the truth.

A network file system has no events of other machines, a system has a limit of watches, and events
may be lost: what no event has announced is found by the next scan.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from anyio import CapacityLimiter, move_on_after, to_thread

from imagesvc.errors import ImagesvcError, text_of
from imagesvc.library.sources.looks import is_image_name
from imagesvc.model.ids import SourceId
from imagesvc.model.sources import Source, SourceKind

if TYPE_CHECKING:
    from watchfiles import Change

log = structlog.get_logger()

MAX_FOLLOWED = 64
"""Folders whose events are followed, each by a thread that sleeps; others are only scanned."""
RETRY_SECONDS = 60.0
"""Before the events of a folder are followed again, such as of one that was not mounted."""
BEGIN_SECONDS = 10.0
"""A scan waits no longer for events: the folder may be very large, or its server may hang."""
STEP_MS = 100
GROUP_MS = 500
"""Changes within this time are one event."""


@dataclass(slots=True)
class _Followed:
    """A folder whose events are followed, or were until an error."""

    address: str
    stop: threading.Event = field(default_factory=threading.Event)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    ended_at: float | None = None
    is_told: bool = False
    """Whether the log says that its events cannot be followed."""


class FolderEvents:
    """Follows the events of folders, and calls `changed` with the source that has one.

    Removals are no events here: programs that replace a file may remove it first, so what is gone
    is left to the scans at the source's interval.
    """

    def __init__(
        self, folder_of: Callable[[Source], Path], changed: Callable[[SourceId], None]
    ) -> None:
        self._folder_of = folder_of
        self._changed = changed
        self._followed: dict[SourceId, _Followed] = {}
        self._threads = CapacityLimiter(MAX_FOLLOWED)

    def follow(self, sources: Sequence[Source]) -> None:
        """Follow the folders among these sources, and no others."""
        folders = [source for source in sources if source.kind is SourceKind.FOLDER]
        wanted = {source.id: source for source in folders[:MAX_FOLLOWED]}
        for source_id in self._followed.keys() - wanted.keys():
            self._end(self._followed.pop(source_id))
        for source_id, source in wanted.items():
            known = self._followed.get(source_id)
            if known is None or _is_to_be_tried(known):
                is_told = known is not None and known.is_told
                followed = _Followed(source.address, is_told=is_told)
                self._followed[source_id] = followed
                followed.task = asyncio.create_task(self._follow(source, followed))

    async def begun(self, source_id: SourceId) -> None:
        """Wait until events of a folder are noticed, so that a scan from now on misses nothing."""
        followed = self._followed.get(source_id)
        if followed is not None:
            with move_on_after(BEGIN_SECONDS):
                await followed.begun.wait()

    async def stop(self) -> None:
        """Follow nothing any more."""
        tasks = [followed.task for followed in self._followed.values() if followed.task]
        for followed in self._followed.values():
            self._end(followed)
        self._followed.clear()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _end(self, followed: _Followed) -> None:
        followed.stop.set()
        if followed.task is not None:
            followed.task.cancel()  # its thread ends by itself

    async def _follow(self, source: Source, followed: _Followed) -> None:
        error = "its file system was mounted or unmounted"
        try:
            work = partial(self._run, source, followed, asyncio.get_running_loop())
            await to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._threads)
        except (ImagesvcError, OSError, RuntimeError, ValueError) as failure:
            error = text_of(failure)
        followed.ended_at = time.monotonic()
        followed.begun.set()
        if not followed.is_told:
            followed.is_told = True
            log.warning(
                "a folder has no events now; it is scanned at its interval",
                action="source.no_events", source=str(source.id), error=error,
            )  # fmt: skip

    def _run(self, source: Source, followed: _Followed, loop: asyncio.AbstractEventLoop) -> None:
        """Follow a folder in a thread, until it is stopped or the folder is another one."""
        from watchfiles import watch  # noqa: PLC0415  # a start without sources does not load it

        folder = self._folder_of(source)
        before = _identity(folder)
        for changes in watch(
            folder, watch_filter=partial(_is_of_interest, f"{folder}/"), debounce=GROUP_MS,
            step=STEP_MS, stop_event=followed.stop, rust_timeout=GROUP_MS, yield_on_timeout=True,
            raise_interrupt=False, force_polling=False, ignore_permission_denied=True,
        ):  # fmt: skip
            if changes:
                loop.call_soon_threadsafe(self._changed, source.id)
            elif not followed.begun.is_set():
                loop.call_soon_threadsafe(self._note_begin, followed)
            elif _identity(folder) != before:
                return

    @staticmethod
    def _note_begin(followed: _Followed) -> None:
        followed.begun.set()
        followed.is_told = False


def _is_to_be_tried(followed: _Followed) -> bool:
    ended_at = followed.ended_at
    return ended_at is not None and time.monotonic() - ended_at > RETRY_SECONDS


def _identity(folder: Path) -> tuple[int, int] | None:
    """What tells a folder from one that is mounted over it; None if it is gone."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _is_of_interest(folder: str, change: Change, path: str) -> bool:
    """Whether a scan may find something new: no hidden names, and images or folders only."""
    from watchfiles import Change  # noqa: PLC0415  # as above

    if change is Change.deleted:
        return False
    parts = path.removeprefix(folder).split("/")
    if any(part.startswith(".") for part in parts):
        return False
    return is_image_name(parts[-1]) or os.path.isdir(path)  # noqa: PTH112  # any text is a path
