"""Backups in a bucket of Amazon S3, or of a service with the same interface."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from anyio import to_thread

from imagesvc.errors import Conflict, NotFound, Unavailable
from imagesvc.library.backup.destination import Entry, SourceDamaged
from imagesvc.library.backup.layout import FORMAT, MARKER, File
from imagesvc.model.ids import Digest, utc_now
from imagesvc.store.objects.buckets import Bucket
from imagesvc.syntax.bucket_url import BucketUrl

LOCK = "lock"
RENEW_SECONDS = 60.0
STALE = timedelta(minutes=15)
"""A lock that was not renewed for so long is that of a backup that was killed."""


class BucketDestination:
    """A bucket, or what is below a prefix in it."""

    def __init__(self, bucket: Bucket, clock: Callable[[], datetime] = utc_now) -> None:
        self._bucket = bucket
        self._clock = clock

    def __str__(self) -> str:
        return str(self.url)

    @property
    def url(self) -> BucketUrl:
        """Where it is."""
        return self._bucket.url

    async def prepare(self) -> None:
        """See `Destination`."""
        if await self._bucket.find(MARKER) is not None:
            return
        async for found in self._bucket.list():
            if found:
                raise Conflict(
                    f"{self} has other objects, such as {found[0].key}. Name a prefix without any."
                )
        await self._bucket.put(MARKER, f"{FORMAT}\n".encode())

    async def require(self) -> None:
        """See `Destination`."""
        if await self._bucket.find(MARKER) is None:
            raise NotFound(f"There is no backup of imagesvc in {self}.")

    @contextlib.asynccontextmanager
    async def lock(self) -> AsyncIterator[None]:
        """See `Destination`: an object that is renewed, and is void when it is old."""
        holder = {
            "host": socket.gethostname(), "pid": os.getpid(), "token": secrets.token_hex(8),
        }  # fmt: skip
        content = json.dumps(holder).encode()
        await self._take(content)
        renewing = asyncio.create_task(self._renew(content))
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.gather(renewing, return_exceptions=True)
            with contextlib.suppress(Unavailable):  # it is void in a while
                await self._bucket.delete([LOCK])

    async def _take(self, content: bytes) -> None:
        if not await self._bucket.create(LOCK, content):
            held = await self._bucket.find(LOCK)
            if held is not None and self._clock() - held.modified < STALE:
                raise Conflict(
                    f"Another backup to {self} is running, or was stopped within the last "
                    f"{STALE // timedelta(minutes=1)} minutes: {await self._holder()}. "
                    f"If none runs, remove the object {LOCK!r} there."
                )
            await self._bucket.put(LOCK, content)
        if await self._bucket.read(LOCK) != content:  # of two that took it, one has it
            raise Conflict(f"Another backup to {self} is running.")

    async def _holder(self) -> str:
        with contextlib.suppress(NotFound, ValueError, KeyError, TypeError):
            holder = json.loads(await self._bucket.read(LOCK))
            return f"process {holder['pid']} on {holder['host']}"
        return "unknown"

    async def _renew(self, content: bytes) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            with contextlib.suppress(Unavailable):
                await self._bucket.put(LOCK, content)

    @contextlib.asynccontextmanager
    async def staging(self) -> AsyncIterator[Path]:
        """See `Destination`: in the directory for temporary files (`TMPDIR`)."""
        with tempfile.TemporaryDirectory(prefix="imagesvc-backup-") as path:
            yield Path(path)

    async def entries(self, prefix: str) -> AsyncIterator[Sequence[Entry]]:
        """See `Destination`."""
        async for found in self._bucket.list(prefix):
            yield [Entry(item.key, item.bytes) for item in found]

    async def read(self, key: str) -> bytes:
        """See `Destination`."""
        return await self._bucket.read(key)

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        """See `Destination`."""
        async for piece in self._bucket.stream(key):
            yield piece

    async def put(self, key: str, content: bytes) -> None:
        """See `Destination`."""
        await self._bucket.put(key, content)

    async def put_blob(self, key: str, source: Path, digest: Digest) -> int:
        """See `Destination`: read twice, since what is sent cannot be taken back."""
        described = await to_thread.run_sync(File.at, source)
        if described.sha256 != digest:
            raise SourceDamaged(f"{source} is damaged.")
        await self._bucket.put(key, source)
        return described.bytes

    async def adopt(self, key: str, staged: Path) -> None:
        """See `Destination`."""
        await self._bucket.put(key, staged)

    async def delete(self, keys: Sequence[str]) -> None:
        """See `Destination`."""
        await self._bucket.delete(keys)
