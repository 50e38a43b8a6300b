"""Verification: the database, every blob against its digest, every row against its blob."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from anyio import to_thread

from imagesvc.errors import NotFound
from imagesvc.model import Digest
from imagesvc.store.blobs import BlobStore
from imagesvc.store.blobs_fs import FileBlobStore
from imagesvc.store.data_dir import DataDir
from imagesvc.store.database import Database
from imagesvc.store.files import fsync_directory
from imagesvc.store.images import ImageStore
from imagesvc.store.locks import DigestLocks, NoLocks, locks_if_writable
from imagesvc.store.soundness import faults_of, read_only_engine

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
    database: list[str] = field(default_factory=list)
    """What is wrong with the database; its rows are compared with nothing then."""

    @property
    def is_sound(self) -> bool:
        """Whether every row has its blob, whole. Blobs without a row are left for `gc`."""
        return not (self.damaged or self.missing or self.database)


async def check_data(data_dir: DataDir, *, repair: bool = False) -> Report:
    """Verify a data directory; without `repair`, nothing in it is written.

    A running server, a full disk or a read-only file system are no hindrance. While the database
    is damaged, blobs are compared with their names, and none is moved.
    """
    blobs = FileBlobStore(data_dir.blobs)
    faults = await to_thread.run_sync(faults_of, data_dir.database)
    if faults:
        return await _without_rows(blobs, faults)
    database = Database(data_dir.database, engine=read_only_engine(data_dir.database))
    database.open()
    locks = DigestLocks(data_dir.digest_lock) if repair else locks_if_writable(data_dir.digest_lock)
    try:
        checker = Checker(data_dir, blobs, ImageStore(database), locks)
        return await checker.check(repair=repair)
    finally:
        await database.close()
        locks.close()


async def _without_rows(blobs: BlobStore, faults: list[str]) -> Report:
    report = Report(database=faults)
    async for batch in blobs.all():
        for blob in batch:
            if await is_whole(blobs, blob.digest, blob.bytes):
                report.verified += 1
                report.bytes += blob.bytes
            else:
                report.damaged.append(blob.digest)
    return report


@dataclass(frozen=True, slots=True)
class Checker:
    """Reads everything back."""

    data_dir: DataDir
    blobs: BlobStore
    images: ImageStore
    locks: DigestLocks | NoLocks

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
        if await is_whole(self.blobs, digest, size):
            report.verified += 1
            return
        async with self.locks.hold(digest):  # deleted or uploaded anew since it was listed?
            if not await self.images.known_digests([digest]):
                return
            if await self.blobs.size(digest) is None:
                report.missing.append(digest)
            elif await is_whole(self.blobs, digest, size):
                report.verified += 1
            else:
                report.damaged.append(digest)
                if repair:
                    await self._quarantine(digest)
                    report.quarantined.append(digest)

    async def _quarantine(self, digest: Digest) -> None:
        async with self.blobs.local(digest) as path:
            await to_thread.run_sync(_move, path, self.data_dir.quarantine)


async def is_whole(blobs: BlobStore, digest: Digest, size: int) -> bool:
    """Whether a blob is there, can be read, and has this size and its digest."""
    try:
        return await blobs.size(digest) == size and await blobs.is_sound(digest)
    except NotFound:
        return False


def _move(path: Path, directory: Path) -> None:
    directory.mkdir(exist_ok=True)
    path.replace(directory / path.name)
    fsync_directory(directory)
