"""Files of objects on this machine: fetched once, kept while there is room."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import itertools
import os
import shutil
import tempfile
from collections import OrderedDict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from anyio import CancelScope, to_thread

from imagesvc.cancellation import run_to_end
from imagesvc.errors import InsufficientStorage

Fetch = Callable[[Path], AsyncGenerator[int, None]]
"""Writes a new file, and yields the bytes of each write; writes none when there is no object."""


@dataclass(slots=True, eq=False)
class _Download:
    path: Path
    """No other download has it, so removing an old file never removes a new one."""
    bytes: int = 0
    users: int = 0
    is_kept: bool = True
    scope: CancelScope = field(default_factory=CancelScope)
    """Of the fetch: unlike the task's cancellation, it waits for a thread that writes."""
    task: asyncio.Task[None] = field(init=False)


class DownloadCache:
    """The files below a folder, in which each process has one of its own.

    They have at most `limit_bytes` together, and those that are in use besides. When the disk is
    full, those that are not in use are removed.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder = folder
        self._lock: int | None = None
        self._limit = limit_bytes
        self._downloads: OrderedDict[str, _Download] = OrderedDict()
        self._numbers = itertools.count()
        self._bytes = 0

    async def open(self) -> None:
        """Make the folder, and remove those of processes that have ended; before the first use."""
        self._folder, self._lock = await to_thread.run_sync(_own_folder, self._folder)

    async def close(self) -> None:
        """Remove the folder; after the last use."""
        if self._lock is not None:
            await to_thread.run_sync(partial(shutil.rmtree, self._folder, ignore_errors=True))
            os.close(self._lock)
            self._lock = None

    @contextlib.asynccontextmanager
    async def hold(self, name: str, fetch: Fetch) -> AsyncIterator[Path]:
        """The file of an object, which stays while the context lasts; several share one fetch.

        There is no file at the path when there is no such object.

        Raises:
            Exception: what `fetch` raised, for all that waited for it; the next one fetches again.
        """
        download = self._downloads.get(name) or self._begin(name, fetch)
        download.users += 1
        try:
            await asyncio.wait([download.task])  # it goes on for others when this is cancelled
            download.task.result()
            yield download.path
        finally:
            download.users -= 1
            await run_to_end(self._release(name, download))

    async def remove(self, name: str) -> None:
        """Remove the file of an object that was deleted, once it is not in use."""
        download = self._downloads.get(name)
        if download is not None:
            self._forget(name, download)
            if not download.users:
                await self._drop(name, download)

    async def drop_idle(self) -> None:
        """Remove the files that are not in use."""
        await self._make_room(0)

    def _begin(self, name: str, fetch: Fetch) -> _Download:
        path = self._folder / f"{next(self._numbers)}-{name.replace('/', '-')}"
        download = self._downloads[name] = _Download(path)
        download.task = asyncio.create_task(self._run(name, download, fetch))
        download.task.add_done_callback(_seen)
        return download

    async def _run(self, name: str, download: _Download, fetch: Fetch) -> None:
        is_there = False
        try:
            with download.scope:
                try:
                    await self._fetch(download, fetch)
                except InsufficientStorage:  # others have filled the disk: the idle files go first
                    if not await self._make_room(0):
                        raise
                    await self._discard(download)
                    await self._fetch(download, fetch)
                is_there = await to_thread.run_sync(download.path.exists)
        finally:
            if not is_there:
                await self._drop(name, download)

    async def _fetch(self, download: _Download, fetch: Fetch) -> None:
        async with contextlib.aclosing(fetch(download.path)) as writes:
            async for count in writes:
                download.bytes += count
                self._bytes += count
                await self._make_room(self._limit)

    async def _release(self, name: str, download: _Download) -> None:
        if download.users:
            return
        if not download.task.done():
            download.scope.cancel()
            self._forget(name, download)  # the next one begins another
            await asyncio.wait([download.task])
        elif not download.is_kept:
            await self._drop(name, download)
        else:
            self._downloads.move_to_end(name)
        await self._make_room(self._limit)

    async def _make_room(self, limit: int) -> bool:
        """Remove idle files, the least recently used first; whether any was removed."""
        has_removed = False
        while self._bytes > limit:
            idle = (pair for pair in self._downloads.items() if not pair[1].users)
            if (oldest := next(idle, None)) is None:
                break
            await self._drop(*oldest)
            has_removed = True
        return has_removed

    async def _drop(self, name: str, download: _Download) -> None:
        self._forget(name, download)
        await self._discard(download)

    async def _discard(self, download: _Download) -> None:
        freed, download.bytes = download.bytes, 0
        self._bytes -= freed
        await to_thread.run_sync(_unlink, download.path)

    def _forget(self, name: str, download: _Download) -> None:
        download.is_kept = False
        if self._downloads.get(name) is download:
            del self._downloads[name]


def _seen(task: asyncio.Task[None]) -> None:
    """Take the error of a fetch that has no users left."""
    if not task.cancelled():
        task.exception()


def _unlink(path: Path) -> None:
    path.unlink(missing_ok=True)


def _own_folder(folder: Path) -> tuple[Path, int]:
    """A new folder below this one, and the lock that shows that its process runs."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(folder):  # or another process would find the new folder without its lock
        for other in folder.iterdir():
            with contextlib.suppress(OSError), _locked(other, fcntl.LOCK_NB):
                shutil.rmtree(other, ignore_errors=True)
        own = Path(tempfile.mkdtemp(dir=folder))
        lock = os.open(own, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(lock, fcntl.LOCK_EX)
    return own, lock


@contextlib.contextmanager
def _locked(folder: Path, kind: int = 0) -> Iterator[None]:
    """Raises `OSError` if it is no folder, or another process has locked it, with LOCK_NB."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | kind)
        yield
    finally:
        os.close(fd)
