"""The data directory: its disk, permissions, database, clock and backups."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from imagesvc.errors import BucketFull, BucketTooOpen, OriginalsOfAnother, Unavailable, text_of
from imagesvc.library.access import denied
from imagesvc.library.doctor.findings import Finding, error, ok, warning
from imagesvc.model.clock import is_of_future
from imagesvc.model.ids import utc_now
from imagesvc.settings.settings import Settings
from imagesvc.store.db.database import NEXT_STEPS
from imagesvc.store.db.newest import newest_time_in
from imagesvc.store.db.sqlite.soundness import newer_faults_of, schema_faults_of
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.file_system import doubtful_file_system
from imagesvc.store.files.owners import user_name
from imagesvc.store.files.secret import is_private, load_secret

MIN_INODES = 1000
MAX_SHOWN = 3
BACKUP_AGE = timedelta(days=7)
DOCS = "docs/data-directory.md"


def directory(data_dir: DataDir) -> Iterator[Finding]:
    """Whether it exists, and who may read it."""
    data_dir.require()
    found = str(data_dir.root)
    status = data_dir.root.stat()
    if status.st_mode & 0o077:
        yield warning(
            "data_dir",
            f"{found} has the mode {status.st_mode & 0o777:04o}: other users can look into it.",
            f"chmod 700 {found}",
        )
    else:
        yield ok("data_dir", found)
    refused = list(denied(data_dir))
    if refused:
        yield error(
            "permissions",
            f"{'; '.join(refused[:MAX_SHOWN])} ({len(refused)} in all; this user is {_me()}).",
            f"Run as the user that owns it, {user_name(status.st_uid)}, or "
            f"chown -R {_me()} {found}.",
        )
    elif data_dir.is_read_only():
        yield error(
            "permissions",
            f"{found} is on a file system that is read-only: no server starts, and one that runs "
            "refuses all changes.",
            "See dmesg: errors of the disk can be the cause. Then mount -o remount,rw.",
        )
    else:
        yield ok(
            "permissions",
            f"{_me()} may read and write everything; owner {user_name(status.st_uid)}",
        )


def secret(data_dir: DataDir) -> Iterator[Finding]:
    """The secret that signs URLs and tokens."""
    path = data_dir.secret
    load_secret(path)
    if is_private(path):
        yield ok("secret", "only its owner can read it")
    else:
        yield error(
            "secret",
            "other users can read secret.key, and sign URLs and tokens with it.",
            f"chmod 600 {path}",
        )


def space(data_dir: DataDir, settings: Settings) -> Iterator[Finding]:
    """Space and inodes."""
    free, floor = data_dir.free_bytes(), settings.min_free_space
    if free < floor:
        yield error(
            "disk",
            f"{free >> 20:,} MiB free, less than min_free_space ({floor >> 20:,} MiB): uploads are "
            "refused.",
            "Delete images, reduce variant_disk_size, or enlarge the disk.",
        )
    elif free < 2 * floor:
        yield warning("disk", f"{free >> 20:,} MiB free.", "Uploads are refused soon: make room.")
    else:
        yield ok("disk", f"{free >> 20:,} MiB free")
    inodes = data_dir.free_inodes()
    if inodes is not None and inodes < MIN_INODES:
        yield error(
            "inodes", f"{inodes:,} files can be made.", "Remove files from the disk (df -i)."
        )
    else:
        yield ok("inodes", "no limit" if inodes is None else f"{inodes:,} free")


def disk(data_dir: DataDir, settings: Settings) -> Iterator[Finding]:
    """Space, inodes, the ballast file and the kind of file system."""
    yield from space(data_dir, settings)
    free, floor = data_dir.free_bytes(), settings.min_free_space
    if data_dir.reserve.exists():
        yield ok("reserve", "there is room for deletes on a full disk")
    else:
        step = "Start the server" if free >= 2 * floor else "Make room"
        yield warning(
            "reserve",
            "the file reserve is missing, so a full disk may prevent deletes.",
            f"{step}; a running server makes it again within a minute.",
        )
    kind = doubtful_file_system(data_dir.root)
    if kind is None:
        yield ok("file_system", "local")
    else:
        yield warning("file_system", f"{kind}: the database may be damaged there.", f"Read {DOCS}.")


def database(data_dir: DataDir) -> Iterator[Finding]:
    """Whether the database can be opened, and with this version."""
    path = data_dir.database
    newer = newer_faults_of(path)
    differing = [] if newer else schema_faults_of(path)
    if newer:
        yield error("database", f"{newer[0]}.", "Run the newer version, or restore a backup.")
    elif differing:
        yield error(
            "database", f"unexpected schema: {', '.join(differing[:MAX_SHOWN])}.", NEXT_STEPS
        )
    else:
        yield ok("database", f"{path.stat().st_size >> 20:,} MiB; imagesvc check verifies it")
    log = data_dir.database_log
    if log.exists() and log.stat().st_size > max(64 << 20, path.stat().st_size):
        yield warning(
            "database_log",
            f"{log.name} has {log.stat().st_size >> 20:,} MiB: a reader has been open for long.",
            "Stop programs that keep the database open, then restart the server.",
        )


def shared_database(check: Callable[[], int]) -> Iterator[Finding]:
    """Whether the database of PostgreSQL can be used, with this version, and has workers."""
    try:
        workers = check()
    except Unavailable as failure:
        remedy = "Correct database_url, or start PostgreSQL; imagesvc migrate makes the tables."
        yield error("database", text_of(failure), remedy)
    else:
        yield ok("database", "PostgreSQL, with the tables of this version")
        yield _running(workers)


def _running(workers: int) -> Finding:
    if workers:
        return ok("jobs", f"{workers:,} running: imagesvc worker")
    text = "no worker runs, or none has room on its disk, so all jobs wait."
    return warning("jobs", text, "Start imagesvc worker, or look into its log (worker.no_room).")


def bucket(check: Callable[[], Sequence[str]]) -> Iterator[Finding]:
    """Whether the bucket of originals and variants can be used, and all that is necessary in it."""
    try:
        refused = check()
    except BucketFull as failure:
        yield error("bucket", text_of(failure), "Raise its quota, or make room.")
    except OriginalsOfAnother as failure:
        remedy = "docs/scaling.md has the steps (Originals and variants in a bucket)."
        yield error("bucket", text_of(failure), remedy)
    except BucketTooOpen as failure:
        remedy = "Have the service refuse it: docs/scaling.md has the policy."
        yield error("bucket", text_of(failure), remedy)
    except Unavailable as failure:
        remedy = "Correct blob_url, the credentials in the environment, or the service."
        yield error("bucket", text_of(failure), remedy)
    else:
        if refused:
            text = f"the credentials do not permit this: {', '.join(refused)}."
            remedy = "Permit list, put, get and delete: docs/scaling.md has the rights."
            yield error("bucket", text, remedy)
        else:
            yield ok("bucket", "objects can be listed, stored, read and removed")


def clock(data_dir: DataDir, now: datetime | None = None) -> Iterator[Finding]:
    """The clock, against the newest row."""
    now = now or utc_now()
    newest = newest_time_in(data_dir.database)
    if newest is not None and is_of_future(newest, now):
        yield error(
            "clock",
            f"the clock says {now:%Y-%m-%d %H:%M} UTC, but a row is of {newest:%Y-%m-%d %H:%M}: "
            "it was or is wrong, so tokens and signed URLs expire at wrong times.",
            "Set the clock (timedatectl), and switch on NTP.",
        )
    else:
        yield ok("clock", f"{now:%Y-%m-%d %H:%M} UTC, no row is newer")


def backups(data_dir: DataDir, now: datetime | None = None) -> Iterator[Finding]:
    """The time of the last whole backup."""
    last, now = data_dir.last_backup_at(), now or utc_now()
    if last is None and data_dir.last_backup.exists():
        yield error(
            "backup",
            f"{data_dir.last_backup} cannot be read, so the age of the backup is unknown, also to "
            "metrics.",
            f"chown --reference {data_dir.root} {data_dir.last_backup}, or back up again.",
        )
    elif last is None:
        yield warning(
            "backup",
            "imagesvc backup has made no backup of this directory.",
            "docs/backup.md says how, unless you copy it in another way.",
        )
    elif now - last > BACKUP_AGE:
        yield warning(
            "backup",
            f"the last whole backup is of {last:%Y-%m-%d %H:%M} UTC.",
            "Look why the later ones failed: systemctl status imagesvc-backup.",
        )
    else:
        yield ok("backup", f"the last whole backup is of {last:%Y-%m-%d %H:%M} UTC")
    if data_dir.webhooks_held.exists():
        yield warning(
            "webhooks",
            "are held, since this directory was restored from a backup.",
            f"When the old server does not run any more: rm {data_dir.webhooks_held}",
        )


def _me() -> str:
    return user_name(os.geteuid())
