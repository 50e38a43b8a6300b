"""Locks by digest: publishing a blob and removing it never overlap.

Within the process an asyncio lock a digest; against other processes on the same data
directory (`imagesvc gc` beside a running server) a POSIX record lock on one byte of a lock
file, whose offset is taken from the digest.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import fcntl
import os
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

import structlog
from anyio import to_thread

from imagesvc.errors import Conflict, text_of
from imagesvc.model.ids import Digest
from imagesvc.store.files.files import FULL
from imagesvc.store.files.owners import give_to_owner

RETRY_SECONDS = 0.005
CLAIM_ATTEMPTS = 5
CLAIM_SECONDS = 0.05
"""`running_server` holds the lock for a moment when no server does."""
MAX_URL = 1024
PARTS = 256
PART_BYTES = 1 << 40
"""Offsets have 48 bits."""

UPLOAD_SECONDS = 3600.0
"""Longer than it takes to store a blob in a bucket, whose age counts from the beginning of that."""

log = structlog.get_logger()


class Locks(Protocol):
    """Locks on digests, or what replaces them."""

    @property
    def orphan_seconds(self) -> float:
        """The least age of a blob without a row of which no upload can be in progress."""
        ...

    def close(self) -> None:
        """Release everything."""
        ...

    def hold(self, digest: Digest) -> AbstractAsyncContextManager[None]:
        """Hold the lock of `digest`; others of this digest wait."""
        ...

    def hold_all(self) -> AbstractAsyncContextManager[None]:
        """Hold the locks of all digests; every upload and deletion waits."""
        ...


class DigestLocks:
    """Exclusive locks on digests of one data directory."""

    orphan_seconds = 0.0

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        give_to_owner(self._fd, path.parent)
        self._held: dict[Digest, tuple[asyncio.Lock, int]] = {}

    def close(self) -> None:
        """Release everything."""
        os.close(self._fd)

    @contextlib.asynccontextmanager
    async def hold(self, digest: Digest) -> AsyncIterator[None]:
        """Hold the lock of `digest`; others of this digest wait, here and in other processes."""
        lock, users = self._held.get(digest, (asyncio.Lock(), 0))
        self._held[digest] = lock, users + 1
        try:
            async with lock, self._across_processes(digest):
                yield
        finally:
            lock, users = self._held.pop(digest)
            if users > 1:
                self._held[digest] = lock, users - 1

    @contextlib.asynccontextmanager
    async def hold_all(self) -> AsyncIterator[None]:
        """Hold the locks of all digests; other processes wait with every upload and deletion.

        Use it in a process that calls `hold` for no digest meanwhile. The locks are taken in parts:
        a holder of one digest never waits for another, so each part becomes free.
        """
        try:
            for first in range(PARTS):
                await to_thread.run_sync(
                    fcntl.lockf, self._fd, fcntl.LOCK_EX, PART_BYTES, first * PART_BYTES
                )
            yield
        finally:
            fcntl.lockf(self._fd, fcntl.LOCK_UN, PARTS * PART_BYTES, 0)

    @contextlib.asynccontextmanager
    async def _across_processes(self, digest: Digest) -> AsyncIterator[None]:
        offset = int(digest[:12], 16)  # two digests on one byte only wait for each other
        while True:
            try:
                fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, offset)
            except BlockingIOError:
                await asyncio.sleep(RETRY_SECONDS)
            else:
                break
        try:
            yield
        finally:
            fcntl.lockf(self._fd, fcntl.LOCK_UN, 1, offset)


class NoLocks:
    """Replaces the locks where none are needed.

    A data directory that cannot be written cannot change. In a bucket, each upload has a blob of
    its own.
    """

    orphan_seconds = UPLOAD_SECONDS

    def close(self) -> None:
        """Do nothing: no lock is held."""

    @contextlib.asynccontextmanager
    async def hold(self, digest: Digest) -> AsyncIterator[None]:
        """Hold no lock."""
        del digest
        yield

    @contextlib.asynccontextmanager
    async def hold_all(self) -> AsyncIterator[None]:
        """Hold no lock."""
        yield


def locks_if_writable(path: Path) -> Locks:
    """The locks of a data directory, if its file system permits them."""
    try:
        return DigestLocks(path)
    except OSError as error:
        if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM, *FULL}:
            return NoLocks()
        raise


class DataDirInUse(Conflict):
    """Another server has this data directory."""


class DataDirLock:
    """Held by the one server of a data directory, which may empty tmp/ and requeue jobs."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        give_to_owner(self._fd, path.parent)
        for attempt in range(CLAIM_ATTEMPTS):
            try:
                fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if attempt < CLAIM_ATTEMPTS - 1:
                    time.sleep(CLAIM_SECONDS)
            except OSError as error:  # a file system without locks
                os.close(self._fd)
                raise OSError(error.errno, f"{error.strerror} (flock)", str(path)) from error
            else:
                self._clear()
                return
        os.close(self._fd)
        raise DataDirInUse(f"Another server is running on {path.parent}.")

    def _clear(self) -> None:
        """Remove the URL of an earlier server, but keep the block: a full disk gives no other."""
        with contextlib.suppress(OSError):  # a new file on a full disk
            os.pwrite(self._fd, bytes(MAX_URL), 0)

    def publish(self, url: str) -> None:
        """Say where the server listens, for `running_server`."""
        try:
            os.pwrite(self._fd, f"{url}\n".encode(), 0)
        except OSError as error:  # a full disk; only commands without a key need the URL
            log.warning("the URL is not published", action="lock.unpublished", error=text_of(error))

    def release(self) -> None:
        """Let another server have it."""
        os.close(self._fd)


def running_server(path: Path) -> str | None:
    """The URL of the server that holds this lock; None if there is none, or it is unreadable.

    While the lock is held, no other program can have been reached at this URL instead.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        url, is_whole, _ = os.pread(fd, MAX_URL, 0).decode("ascii", "replace").partition("\n")
        return url if is_whole else None
    else:
        return None
    finally:
        os.close(fd)
