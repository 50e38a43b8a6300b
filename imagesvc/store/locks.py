"""Locks by digest: publishing a blob and removing it never overlap.

Within the process an asyncio lock a digest; against other processes on the same data
directory (`imagesvc gc` beside a running server) a POSIX record lock on one byte of a lock
file, whose offset is taken from the digest.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator
from pathlib import Path

from imagesvc.errors import Conflict
from imagesvc.model import Digest

RETRY_SECONDS = 0.005


class DigestLocks:
    """Exclusive locks on digests of one data directory."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
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


class DataDirInUse(Conflict):
    """Another server has this data directory."""


class DataDirLock:
    """Held by the one server of a data directory, which may empty tmp/ and requeue jobs."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._fd)
            raise DataDirInUse(f"Another server is running on {path.parent}.") from None

    def release(self) -> None:
        """Let another server have it."""
        os.close(self._fd)
