"""Verification of a data directory with its database in it."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

from anyio import to_thread

from imagesvc.library.access import denied
from imagesvc.library.checking.blobs import Checker, check_names
from imagesvc.library.checking.quarantine import quarantine_of
from imagesvc.library.checking.report import Report
from imagesvc.store.db.sqlite.database import EmbeddedDatabase
from imagesvc.store.db.sqlite.soundness import (
    faults_of,
    newer_faults_of,
    read_only_engine,
    schema_faults_of,
)
from imagesvc.store.files.blobs_fs import FileBlobStore
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.locks import DigestLocks, Locks, locks_if_writable
from imagesvc.store.files.secret import SecretDamaged, load_secret
from imagesvc.store.images import ImageStore
from imagesvc.store.removal.dangling import dangling_faults_of, remove_dangling


async def check_data(data_dir: DataDir, *, repair: bool = False) -> Report:
    """Verify a data directory; without `repair`, nothing in it is written.

    It works with a running server, on a full disk and on a read-only file system. With a damaged
    database, blobs are compared with their names, and none is moved. With `repair`, damaged blobs
    are moved to `quarantine/` under their digest.

    Raises:
        NoDataDir: no server has been started there.
    """
    data_dir.require()
    report = Report(denied=await to_thread.run_sync(lambda: list(denied(data_dir))))
    report.secret = await to_thread.run_sync(_secret_faults, data_dir)
    blobs = FileBlobStore(data_dir.blobs, may_be_missing=True)
    if not await to_thread.run_sync(_check_database, data_dir.database, report):
        await check_names(blobs, report)
        return report
    await to_thread.run_sync(partial(_check_references, data_dir.database, report, repair=repair))
    database = EmbeddedDatabase(data_dir.database, engine=read_only_engine(data_dir.database))
    path = data_dir.digest_lock
    locks: Locks = DigestLocks(path) if repair else locks_if_writable(path)
    set_aside = quarantine_of(data_dir, blobs) if repair else None
    try:
        images = ImageStore(database)
        await Checker(blobs, images, locks, report, at_once=1, orphan_seconds=0.0).check(set_aside)
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
