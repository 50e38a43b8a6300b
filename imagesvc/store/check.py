"""Verification: every blob against its digest, every row against its blob."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from anyio import to_thread

from imagesvc.errors import NotFound
from imagesvc.model import Digest
from imagesvc.store.blobs import BlobStore
from imagesvc.store.data_dir import DataDir
from imagesvc.store.files import fsync_directory
from imagesvc.store.images import ImageStore
from imagesvc.store.locks import DigestLocks

BATCH = 500


@dataclass(slots=True)
class Report:
    """What a verification found; digests of blobs."""

    verified: int = 0
    bytes: int = 0
    damaged: list[Digest] = field(default_factory=list)
    missing: list[Digest] = field(default_factory=list)
    without_row: list[Digest] = field(default_factory=list)
    quarantined: list[Digest] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        """Whether every row has its blob, whole. Blobs without a row are left for `gc`."""
        return not self.damaged and not self.missing


@dataclass(frozen=True, slots=True)
class Checker:
    """Reads everything back."""

    data_dir: DataDir
    blobs: BlobStore
    images: ImageStore
    locks: DigestLocks

    async def check(self, *, repair: bool = False) -> Report:
        """Compare blobs with their digests and rows with their blobs.

        With `repair`, damaged blobs are moved to `quarantine/` under their digest, where a
        person can look at them; their images answer 404 for the original from then on.
        """
        report = Report()
        async for digest, size in self._rows():
            report.bytes += size
            await self._check_row(digest, size, report, repair=repair)
        async for batch in self.blobs.all():
            known = await self.images.known_digests([blob.digest for blob in batch])
            report.without_row += [blob.digest for blob in batch if blob.digest not in known]
        return report

    async def _rows(self) -> AsyncIterator[tuple[Digest, int]]:
        after = ""
        while rows := await self.images.digests_after(after, BATCH):
            for row in rows:
                yield row
            after = rows[-1][0]

    async def _check_row(self, digest: Digest, size: int, report: Report, *, repair: bool) -> None:
        if await self._is_whole(digest, size):
            report.verified += 1
            return
        async with self.locks.hold(digest):  # deleted or uploaded anew since it was listed?
            if not await self.images.known_digests([digest]):
                return
            if await self.blobs.size(digest) is None:
                report.missing.append(digest)
            elif await self._is_whole(digest, size):
                report.verified += 1
            else:
                report.damaged.append(digest)
                if repair:
                    await self._quarantine(digest)
                    report.quarantined.append(digest)

    async def _is_whole(self, digest: Digest, size: int) -> bool:
        try:
            stored = await self.blobs.size(digest)
            return stored == size and await self._digest(digest, size) == digest
        except NotFound:
            return False

    async def _digest(self, digest: Digest, size: int) -> str:
        actual = hashlib.sha256()
        async for piece in self.blobs.stream(digest, 0, size):
            await to_thread.run_sync(actual.update, piece)
        return actual.hexdigest()

    async def _quarantine(self, digest: Digest) -> None:
        async with self.blobs.local(digest) as path:
            await to_thread.run_sync(_move, path, self.data_dir.quarantine)


def _move(path: Path, directory: Path) -> None:
    directory.mkdir(exist_ok=True)
    path.replace(directory / path.name)
    fsync_directory(directory)
