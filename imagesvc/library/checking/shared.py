"""Verification of a database that nodes share, and of its blobs in files or in a bucket."""

from __future__ import annotations

from anyio import to_thread

from imagesvc.library.access import denied
from imagesvc.library.checking.blobs import Checker, SetAside, check_names
from imagesvc.library.checking.quarantine import quarantine_of
from imagesvc.library.checking.report import Report
from imagesvc.store.db.database import Database
from imagesvc.store.db.postgres.soundness import faults_of, lost_parents_of
from imagesvc.store.files.blobs import BlobStore
from imagesvc.store.files.blobs_fs import FileBlobStore
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.locks import Locks
from imagesvc.store.images import ImageStore
from imagesvc.store.objects.blobs import ObjectBlobStore

AT_ONCE = 4


async def check_shared(
    database: Database,
    data_dir: DataDir,
    blobs: BlobStore,
    locks: Locks,
    *,
    orphan_seconds: float,
    repair: bool,
) -> Report:
    """Verify all rows and blobs while servers and workers run; without `repair`, write nothing.

    With damaged tables, blobs are compared with their names, and none is moved.

    Args:
        database: it is open, and has the tables of this version.
        data_dir: has the blobs, if these are in files.
        blobs: the originals and mezzanines.
        locks: of the digests.
        orphan_seconds: the age from which a blob without a row is reported.
        repair: moves damaged blobs to `quarantine/`.

    Raises:
        Unavailable: the database or the bucket cannot be used now.
    """
    report = Report()
    if isinstance(blobs, FileBlobStore):
        report.denied = await to_thread.run_sync(lambda: list(denied(data_dir)))
    await blobs.check()
    report.database = await faults_of(database)
    if report.database:
        await check_names(blobs, report)
        return report
    report.dangling = await lost_parents_of(database)
    least = max(orphan_seconds, locks.orphan_seconds)
    checker = Checker(blobs, ImageStore(database), locks, report, AT_ONCE, least)
    await checker.check(_set_aside(data_dir, blobs) if repair else None)
    return report


def _set_aside(data_dir: DataDir, blobs: BlobStore) -> SetAside | None:
    if isinstance(blobs, FileBlobStore):
        return quarantine_of(data_dir, blobs)
    return blobs.set_aside if isinstance(blobs, ObjectBlobStore) else None
