"""A backup: the blobs that the destination lacks, then a snapshot of the database.

Images come and go meanwhile. Blobs that exist when the backup begins are copied first, without
locks. Then the database is copied, and the blobs that this copy needs and the destination lacks:
those of uploads since the beginning. Each is copied under the lock of its digest, so that neither a
deletion nor a collection of orphans interferes. If one was deleted in the meantime, the copy of the
database is too old, and another is made. The third copy is made while all digests are locked, so
that nothing can be deleted; uploads and deletions wait for that time.

The rows of PostgreSQL are read within one transaction, and copied after their blobs.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from importlib.metadata import version
from io import BytesIO
from pathlib import Path

import structlog
from anyio import to_thread

from imagesvc.errors import OriginalDamaged, text_of
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
from imagesvc.library.backup.source import Source
from imagesvc.model.ids import BlobName, Digest, digest_of, utc_now
from imagesvc.store.db.sqlite.snapshots import revision_of
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.files import FULL
from imagesvc.store.files.secret import overwrite, write_private

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
    source: Source,
    destination: Destination,
    progress: Progress,
    *,
    clock: Callable[[], datetime] = utc_now,
) -> BackupReport:
    """Make a snapshot in a destination whose lock is held; servers may be running.

    Raises:
        DatabaseDamaged: the database is damaged; no snapshot was made.
        DestinationFull, Unavailable: the destination does not work now.
    """
    async with destination.staging() as staging:
        return await _Backup(source, destination, progress).run(staging / DATABASE, clock)


class _Backup:
    """One run."""

    def __init__(self, source: Source, destination: Destination, progress: Progress) -> None:
        self._source = source
        self._destination = destination
        self._progress = progress
        self._present: set[Digest] = set()
        self._report = BackupReport()

    async def run(self, staged: Path, clock: Callable[[], datetime]) -> BackupReport:
        await self._list()
        await self._copy_known()
        for number in range(1, ROUNDS + 1):
            self._report.rounds = number
            is_last = number == ROUNDS
            async with self._source.moment(staged, are_blobs_kept=is_last) as rows:
                needed = {digest_of(name): size for name, size in rows.blobs.items()}
                if await self._copy_rest(rows.blobs, is_locked=is_last):
                    await rows.finish()
                    break
        await self._store(staged, needed, clock())
        return self._report

    async def _list(self) -> None:
        self._progress("listing", 0, 0)
        async for entries in self._destination.entries(BLOBS):
            self._present.update(digest for entry in entries if (digest := digest_in(entry.key)))

    async def _copy_known(self) -> None:
        """Copy what the rows need now; what is missing by then is looked at later."""
        names = [name async for name in self._rows()]
        missing = [name for name in names if digest_of(name) not in self._present]
        for start in range(0, len(missing), AT_ONCE):
            self._progress("copying", start, len(missing))
            some = missing[start : start + AT_ONCE]
            await asyncio.gather(*(self._copy(name) for name in some))
        self._progress("copying", len(missing), len(missing))

    async def _rows(self) -> AsyncIterator[BlobName]:
        after = ""
        while rows := await self._source.images.blobs_after(after, BATCH):
            for name, _ in rows:
                yield name
            after = digest_of(rows[-1][0])

    async def _copy_rest(self, needed: Iterable[BlobName], *, is_locked: bool) -> bool:
        """Copy the blobs of a snapshot that are missing; False if one was deleted since."""
        missing = [name for name in needed if digest_of(name) not in self._present]
        self._report.faults = {}
        for number, name in enumerate(missing):
            self._progress("completing", number, len(missing))
            digest = digest_of(name)
            async with contextlib.nullcontext() if is_locked else self._source.locks.hold(digest):
                reason = await self._copy(name)
                if reason is None:
                    continue
                if not await self._source.images.known_names([name]):
                    return False
            self._report.faults[digest] = reason
        return True

    async def _copy(self, name: BlobName) -> str | None:
        """Copy a blob; returns the reason if that is not possible."""
        digest, blobs = digest_of(name), self._source.blobs
        try:
            async with blobs.local(name) as path:
                size = await self._destination.put_blob(blob_key(digest), path, digest)
        except FileNotFoundError:
            await blobs.check()  # of an unmounted disk all are missing
            return "missing"
        except (SourceDamaged, OriginalDamaged):
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
            SECRET: await self._source.secret(),
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
