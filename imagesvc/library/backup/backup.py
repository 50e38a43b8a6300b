"""A backup: the blobs that the destination lacks, then a snapshot of the database.

Images come and go meanwhile. Blobs that exist when the backup begins are copied first, without
locks. Then the database is copied, and the blobs that this copy needs and the destination lacks:
those of uploads since the beginning. Each is copied under the lock of its digest, so that neither a
deletion nor a collection of orphans interferes. If one was deleted in the meantime, the copy of the
database is too old, and another is made. The third copy is made while all digests are locked, so
that nothing can be deleted; uploads and deletions wait for that time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.metadata import version
from io import BytesIO
from pathlib import Path

import structlog
from anyio import to_thread

from imagesvc.errors import text_of
from imagesvc.library.backup.destination import Destination, SourceDamaged
from imagesvc.library.backup.layout import (
    BLOBS,
    DATABASE,
    DIGESTS,
    FORMAT,
    MANIFEST,
    SECRET,
    File,
    Manifest,
    blob_key,
    digest_in,
    snapshot_key,
    snapshot_name,
    written_digests,
)
from imagesvc.library.backup.progress import Progress
from imagesvc.library.backup.snapshots import snapshots_in, whole_of
from imagesvc.model.ids import Digest, digest_of, utc_now
from imagesvc.store.db.sqlite.database import EmbeddedDatabase
from imagesvc.store.db.sqlite.snapshots import copy_database, digests_in, revision_of
from imagesvc.store.db.sqlite.soundness import read_only_engine
from imagesvc.store.files.blobs_fs import FileBlobStore
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.files import FULL
from imagesvc.store.files.locks import Locks, locks_if_writable
from imagesvc.store.files.secret import overwrite, write_private
from imagesvc.store.images import ImageStore

log = structlog.get_logger()

ROUNDS = 3
AT_ONCE = 4
BATCH = 500


@dataclass(slots=True)
class BackupReport:
    """The results of a backup."""

    snapshot: str = ""
    blobs: int = 0
    bytes: int = 0
    copied: int = 0
    copied_bytes: int = 0
    rounds: int = 0
    faults: dict[Digest, str] = field(default_factory=dict)
    """Blobs that could not be copied, with the reason: the snapshot lacks them."""
    later: str = ""
    """The last snapshot of the destination, if it is said to be later than this one."""


async def back_up(
    data_dir: DataDir,
    destination: Destination,
    progress: Progress,
    *,
    clock: Callable[[], datetime] = utc_now,
) -> BackupReport:
    """Make a snapshot in a destination whose lock is held; the server may be running.

    Raises:
        NoDataDir: no server has been started in the data directory.
        DatabaseDamaged: the database is damaged; no snapshot was made.
        DestinationFull, Unavailable: the destination does not work now.
    """
    data_dir.require()
    database = EmbeddedDatabase(data_dir.database, engine=read_only_engine(data_dir.database))
    locks = locks_if_writable(data_dir.digest_lock)
    try:
        async with destination.staging() as staging:
            work = _Backup(data_dir, destination, ImageStore(database), locks, progress)
            return await work.run(staging / DATABASE, clock)
    finally:
        await database.close()
        locks.close()


class _Backup:
    """One run."""

    def __init__(
        self,
        data_dir: DataDir,
        destination: Destination,
        images: ImageStore,
        locks: Locks,
        progress: Progress,
    ) -> None:
        self._data_dir = data_dir
        self._blobs = FileBlobStore(data_dir.blobs)
        self._destination = destination
        self._images = images
        self._locks = locks
        self._progress = progress
        self._present: set[Digest] = set()
        self._report = BackupReport()

    async def run(self, staged: Path, clock: Callable[[], datetime]) -> BackupReport:
        await self._list()
        await self._copy_known()
        for number in range(1, ROUNDS + 1):
            self._report.rounds = number
            async with self._all_locked(number == ROUNDS):
                await to_thread.run_sync(copy_database, self._data_dir.database, staged)
                needed = await to_thread.run_sync(digests_in, staged)
                if await self._copy_rest(needed, is_locked=number == ROUNDS):
                    break
        await self._store(staged, needed, clock())
        return self._report

    @contextlib.asynccontextmanager
    async def _all_locked(self, wanted: bool) -> AsyncIterator[None]:
        async with self._locks.hold_all() if wanted else contextlib.nullcontext():
            yield

    async def _list(self) -> None:
        self._progress("listing", 0, 0)
        async for entries in self._destination.entries(BLOBS):
            self._present.update(digest for entry in entries if (digest := digest_in(entry.key)))

    async def _copy_known(self) -> None:
        """Copy what the rows need now; what is missing by then is looked at later."""
        missing = [digest async for digest in self._rows() if digest not in self._present]
        for start in range(0, len(missing), AT_ONCE):
            self._progress("copying", start, len(missing))
            some = missing[start : start + AT_ONCE]
            await asyncio.gather(*(self._copy(digest) for digest in some))
        self._progress("copying", len(missing), len(missing))

    async def _rows(self) -> AsyncIterator[Digest]:
        after = ""
        while rows := await self._images.blobs_after(after, BATCH):
            for name, _ in rows:
                yield digest_of(name)
            after = digest_of(rows[-1][0])

    async def _copy_rest(self, needed: dict[Digest, int], *, is_locked: bool) -> bool:
        """Copy the blobs of a snapshot that are missing; False if one was deleted since."""
        missing = [digest for digest in needed if digest not in self._present]
        self._report.faults = {}
        for number, digest in enumerate(missing):
            self._progress("completing", number, len(missing))
            async with contextlib.nullcontext() if is_locked else self._locks.hold(digest):
                reason = await self._copy(digest)
                if reason is None:
                    continue
                if await self._images.name_of(digest) is None:
                    return False
            self._report.faults[digest] = reason
        return True

    async def _copy(self, digest: Digest) -> str | None:
        """Copy a blob; returns the reason if that is not possible."""
        source = self._blobs.path(digest)
        try:
            size = await self._destination.put_blob(blob_key(digest), source, digest)
        except FileNotFoundError:
            await self._blobs.check()  # of an unmounted disk all are missing
            return "missing"
        except SourceDamaged:
            return "damaged"
        except PermissionError:
            return "this user may not read it"
        self._present.add(digest)
        self._report.copied += 1
        self._report.copied_bytes += size
        return None

    async def _store(self, staged: Path, needed: dict[Digest, int], now: datetime) -> None:
        """Store the files of the snapshot, and at last the manifest."""
        self._progress("storing", 0, 0)
        report = self._report
        taken = await snapshots_in(self._destination)
        name = _free_name(taken, now)
        report.later = max((other for other in whole_of(taken) if other > name), default="")
        small = {
            DIGESTS: written_digests(needed),
            SECRET: await to_thread.run_sync(self._data_dir.secret.read_bytes),
        }
        files = {key: File.of(BytesIO(content)) for key, content in small.items()}
        files[DATABASE] = await to_thread.run_sync(File.at, staged)
        manifest = Manifest(
            format=FORMAT,
            created_at=now,
            imagesvc=version("imagesvc"),
            schema_revision=await to_thread.run_sync(revision_of, staged),
            blobs=len(needed),
            blob_bytes=sum(needed.values()),
            missing=tuple(sorted(report.faults)),
            files=files,
        )
        for key, content in small.items():
            await self._destination.put(snapshot_key(name, key), content)
        await self._destination.adopt(snapshot_key(name, DATABASE), staged)
        written = manifest.model_dump_json(indent=2).encode()
        await self._destination.put(snapshot_key(name, MANIFEST), written)
        report.snapshot, report.blobs, report.bytes = name, len(needed), manifest.blob_bytes


def _free_name(taken: Collection[str], now: datetime) -> str:
    """A name that no snapshot has: two backups may end within one second."""
    while (name := snapshot_name(now)) in taken:
        now += timedelta(seconds=1)
    return name


def note_backup(data_dir: DataDir, now: datetime) -> OSError | None:
    """Write the time of a whole backup into the data directory, for metrics and alerts.

    On a full disk, the file of an earlier backup is written over, which needs no room.

    Returns:
        The error if that is not possible: the backup is whole nevertheless.
    """
    path, text = data_dir.last_backup, f"{now.isoformat(timespec='microseconds')}\n"
    try:
        write_private(path, text)
    except OSError as error:
        if error.errno in FULL and _is_written_over(path, text):
            return None
        log.warning(
            "the time of the backup is not stored", action="backup.not_noted", path=str(path),
            error=text_of(error),
        )  # fmt: skip
        return error
    return None


def _is_written_over(path: Path, text: str) -> bool:
    with contextlib.suppress(OSError):
        overwrite(path, text)
        return True
    return False
