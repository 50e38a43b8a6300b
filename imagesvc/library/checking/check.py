"""Verification: the database, every blob against its digest, every row against its blob."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from anyio import to_thread

from imagesvc.errors import NotFound
from imagesvc.library.access import denied
from imagesvc.model.ids import BlobName, digest_of
from imagesvc.store.db.sqlite.database import EmbeddedDatabase
from imagesvc.store.db.sqlite.soundness import (
    faults_of,
    newer_faults_of,
    read_only_engine,
    schema_faults_of,
)
from imagesvc.store.files.blobs_fs import FileBlobStore
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.files import fsync_directory
from imagesvc.store.files.locks import DigestLocks, Locks, locks_if_writable
from imagesvc.store.files.secret import SecretDamaged, load_secret
from imagesvc.store.images import ImageStore
from imagesvc.store.removal.dangling import dangling_faults_of, remove_dangling

BATCH = 500


@dataclass(slots=True)
class Report:
    """The results of a verification: files, with their images."""

    verified: int = 0
    bytes: int = 0
    damaged: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    without_row: list[str] = field(default_factory=list)
    quarantined: list[str] = field(default_factory=list)
    denied: list[str] = field(default_factory=list)
    """Files that this user may not read or write."""
    database: list[str] = field(default_factory=list)
    """The damage of the database; its rows are then not compared."""
    dangling: list[str] = field(default_factory=list)
    """Rows that point at lost rows; with `repair`, those that were left."""
    mended: int = 0
    """Such rows that were removed or changed."""
    newer: list[str] = field(default_factory=list)
    """Set if a newer version has made the database; rows are then not compared."""
    schema: list[str] = field(default_factory=list)
    """The difference of the schema from the expected one; rows are then not compared."""
    secret: list[str] = field(default_factory=list)
    """The error in the service's secret."""

    @property
    def is_sound(self) -> bool:
        """Whether every row has its intact blob. Blobs without a row are left for `gc`."""
        faults = (
            self.database, self.dangling, self.newer, self.schema, self.secret,
            self.damaged, self.missing, self.denied,
        )  # fmt: skip
        return not any(faults)


async def check_data(data_dir: DataDir, *, repair: bool = False) -> Report:
    """Verify a data directory; without `repair`, nothing in it is written.

    It works with a running server, on a full disk and on a read-only file system. With a damaged
    database, blobs are compared with their names, and none is moved.

    Raises:
        NoDataDir: no server has been started there.
    """
    data_dir.require()
    report = Report(denied=await to_thread.run_sync(lambda: list(denied(data_dir))))
    blobs = FileBlobStore(data_dir.blobs, may_be_missing=True)
    report.secret = await to_thread.run_sync(_secret_faults, data_dir)
    if not await to_thread.run_sync(_check_database, data_dir.database, report):
        await _check_names(blobs, report)
        return report
    await to_thread.run_sync(partial(_check_references, data_dir.database, report, repair=repair))
    database = EmbeddedDatabase(data_dir.database, engine=read_only_engine(data_dir.database))
    path = data_dir.digest_lock
    locks: Locks = DigestLocks(path) if repair else locks_if_writable(path)
    try:
        checker = Checker(data_dir, blobs, ImageStore(database), locks, report)
        await checker.check(repair=repair)
    finally:
        await database.close()
        locks.close()
    return report


def _check_database(path: Path, report: Report) -> bool:
    """Report the damage of the database file; returns whether its rows can be used."""
    if path.exists() and not os.access(path, os.R_OK):
        return False  # reported as denied
    report.database = faults_of(path)
    if not report.database:
        report.newer = newer_faults_of(path)
    if not (report.database or report.newer):
        report.schema = schema_faults_of(path)
    return not (report.database or report.newer or report.schema)


def _check_references(path: Path, report: Report, *, repair: bool) -> None:
    """Report rows whose parents were lost, after the removal of those that can be removed."""
    report.dangling = dangling_faults_of(path)
    if report.dangling and repair:
        report.mended = remove_dangling(path)
        report.dangling = dangling_faults_of(path)


def _secret_faults(data_dir: DataDir) -> list[str]:
    """If there is a database, a missing secret was lost: the server does not start."""
    if not data_dir.has_database():
        return []
    try:
        load_secret(data_dir.secret)
    except SecretDamaged as error:
        return [error.detail]
    except PermissionError:  # reported as denied
        return []
    return []


async def _check_names(blobs: FileBlobStore, report: Report) -> None:
    """Compare blobs only with their names."""
    async for batch in blobs.all():
        for blob in batch:
            if await is_whole(blobs, blob.name, blob.bytes):
                report.verified += 1
                report.bytes += blob.bytes
            else:
                report.damaged.append(str(blobs.path(blob.name)))


@dataclass(frozen=True, slots=True)
class Checker:
    """Reads everything back."""

    data_dir: DataDir
    blobs: FileBlobStore
    images: ImageStore
    locks: Locks
    report: Report

    async def check(self, *, repair: bool = False) -> None:
        """Compare blobs with their digests and rows with their blobs.

        With `repair`, damaged blobs are moved to `quarantine/` under their digest, where an
        operator can inspect them; the originals of their images are then 404.
        """
        async for name, size in self._rows():
            self.report.bytes += size
            try:
                await self._check_row(name, size, repair=repair)
            except PermissionError:
                self.report.denied.append(f"{await self._named(name)}: this user may not read it")
        if not self.data_dir.blobs.exists() or self.report.denied:
            return  # missing blobs in unlisted directories are not reported
        async for batch in self.blobs.all():
            known = await self.images.known_names([blob.name for blob in batch])
            self.report.without_row += [
                str(self.blobs.path(blob.name)) for blob in batch if blob.name not in known
            ]

    async def _rows(self) -> AsyncIterator[tuple[BlobName, int]]:
        after = ""
        while rows := await self.images.blobs_after(after, BATCH):
            for row in rows:
                yield row
            after = digest_of(rows[-1][0])

    async def _check_row(self, name: BlobName, size: int, *, repair: bool) -> None:
        if await is_whole(self.blobs, name, size):
            self.report.verified += 1
            return
        async with self.locks.hold(digest_of(name)):  # deleted or uploaded again meanwhile?
            if not await self.images.known_names([name]):
                return
            if await self.blobs.size(name) is None:
                self.report.missing.append(await self._named(name))
            elif await is_whole(self.blobs, name, size):
                self.report.verified += 1
            else:
                self.report.damaged.append(await self._named(name))
                if repair:
                    await self._quarantine(name)

    async def _named(self, name: BlobName) -> str:
        """A blob for an operator: its file, and its images."""
        uses = [
            f'{kind} of image {image_id} "{filename}"'
            for kind, image_id, filename in await self.images.uses_of(digest_of(name))
        ]
        return f"{self.blobs.path(name)} ({'; '.join(uses) or 'of no image'})"

    async def _quarantine(self, name: BlobName) -> None:
        async with self.blobs.local(name) as path:
            await to_thread.run_sync(_move, path, self.data_dir.quarantine)
        self.report.quarantined.append(str(self.data_dir.quarantine / name))


async def is_whole(blobs: FileBlobStore, name: BlobName, size: int) -> bool:
    """Whether a blob exists, is readable, and has this size and its digest.

    Raises:
        PermissionError: this user may not read it.
    """
    try:
        return await blobs.size(name) == size and await blobs.is_sound(name)
    except NotFound:
        return False


def _move(path: Path, directory: Path) -> None:
    directory.mkdir(exist_ok=True)
    path.replace(directory / path.name)
    fsync_directory(directory)
