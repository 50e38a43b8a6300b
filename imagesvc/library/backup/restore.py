"""A restore: a snapshot and its blobs become a new data directory."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from anyio import to_thread

from imagesvc.errors import Conflict, InsufficientStorage, NotFound, Unavailable
from imagesvc.library.backup.destination import Destination
from imagesvc.library.backup.layout import (
    DATABASE,
    SECRET,
    Manifest,
    blob_key,
    snapshot_key,
)
from imagesvc.library.backup.progress import Progress
from imagesvc.library.backup.snapshots import (
    SnapshotDamaged,
    digests_of,
    manifest_of,
    small_file_of,
    whole_snapshots_in,
)
from imagesvc.model.ids import Digest, utc_now
from imagesvc.store.db.sqlite.foreign import UntrustedDatabase, require_own
from imagesvc.store.db.sqlite.migrate import NEWER_HINT, is_known
from imagesvc.store.db.sqlite.snapshots import prepare_restored, require_sound
from imagesvc.store.files.blobs_fs import FileBlobStore
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.files import fsync_directory, full_disk_named
from imagesvc.store.files.locks import DataDirLock
from imagesvc.store.files.owners import give_all
from imagesvc.store.files.secret import write_private

DRAFT = "restored.db"
AT_ONCE = 8
SPARE_BYTES = 64 << 20


@dataclass(slots=True)
class RestoreReport:
    """The results of a restore."""

    snapshot: str
    blobs: int = 0
    bytes: int = 0
    faults: dict[Digest, str] = field(default_factory=dict)
    """Blobs that could not be restored, with the reason."""


async def restore(
    source: Destination,
    data_dir: DataDir,
    snapshot: str | None,
    progress: Progress,
    *,
    clock: Callable[[], datetime] = utc_now,
) -> RestoreReport:
    """Restore a snapshot, or the newest, into a missing or empty directory.

    The database is put into its place last: before, no server starts on the directory. A restore
    that was stopped continues when it is run again.

    Raises:
        NotFound: there is no such backup or snapshot.
        Conflict: the directory is not empty.
        SnapshotDamaged: the snapshot is damaged; another one may be intact.
        InsufficientStorage: the disk is full.
    """
    await source.require()
    name = await _chosen(source, snapshot or _begun(data_dir, str(source)))
    manifest = await manifest_of(source, name)
    if not is_known(manifest.schema_revision):
        raise Unavailable(
            f"The snapshot {name} was made by a newer version of imagesvc "
            f"({manifest.imagesvc}). {NEWER_HINT}"
        )
    with full_disk_named(), _claimed(data_dir, str(source), name, manifest):
        work = _Restore(source, data_dir, name, manifest, progress)
        return await work.run(clock())


def _begun(data_dir: DataDir, source: str) -> str | None:
    """The snapshot of this source whose restore was interrupted: a newer one may exist by now."""
    try:
        said = json.loads(data_dir.restoring.read_text())
    except (OSError, ValueError):
        return None
    if not isinstance(said, dict) or said.get("source") != source:
        return None
    snapshot = said.get("snapshot")
    return snapshot if isinstance(snapshot, str) else None


async def _chosen(source: Destination, snapshot: str | None) -> str:
    names = await whole_snapshots_in(source)
    if not names:
        raise NotFound(f"There is no whole snapshot in {source}.")
    if snapshot is None:
        return names[-1]
    if snapshot not in names:
        raise NotFound(f"There is no snapshot {snapshot}. There are: {', '.join(names)}.")
    return snapshot


@contextlib.contextmanager
def _claimed(data_dir: DataDir, source: str, name: str, manifest: Manifest) -> Iterator[None]:
    """The directory, made and locked for this restore."""
    root, note = data_dir.root, data_dir.restoring
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    said = json.dumps({"source": source, "snapshot": name})
    others = [path.name for path in root.iterdir() if path != data_dir.server_lock]
    if others and not note.exists():
        raise Conflict(f"{root} is not empty. Name a directory that is empty or does not exist.")
    if note.exists() and note.read_text() != said:
        raise Conflict(
            f"{root} has a part of another restore: {note.read_text()}. Restore the same snapshot "
            "(run the command without --snapshot), or remove the directory."
        )
    lock = DataDirLock(data_dir.server_lock)
    try:
        _check_space(data_dir, manifest)
        write_private(note, said)
        data_dir.create()
        yield
        give_all(root)
        note.unlink()
        fsync_directory(root)
    finally:
        lock.release()


def _check_space(data_dir: DataDir, manifest: Manifest) -> None:
    """Raises `InsufficientStorage` when there is less space than the snapshot takes."""
    if any(data_dir.blobs.glob("*/*/*")):
        return  # some of it is there
    database = manifest.files[DATABASE].bytes * 2  # the copy, and what is changed in it
    needed, free = manifest.blob_bytes + database + SPARE_BYTES, data_dir.free_bytes()
    if free < needed:
        raise InsufficientStorage(
            f"The restore needs {needed:,} bytes: {manifest.blob_bytes:,} for originals, "
            f"{database:,} for the database, and {SPARE_BYTES:,} ({SPARE_BYTES >> 20} MiB) to "
            f"spare. The disk of {data_dir.root} has {free:,} free."
        )


class _Restore:
    """One run."""

    def __init__(
        self,
        source: Destination,
        data_dir: DataDir,
        name: str,
        manifest: Manifest,
        progress: Progress,
    ) -> None:
        self._source = source
        self._data_dir = data_dir
        self._blobs = FileBlobStore(data_dir.blobs)
        self._name = name
        self._manifest = manifest
        self._progress = progress
        self._report = RestoreReport(name)

    async def run(self, now: datetime) -> RestoreReport:
        draft = self._data_dir.root / DRAFT
        # Of a run that was killed at its very end.
        is_in_place = self._data_dir.database.exists()
        if not is_in_place:
            self._progress("database", 0, 0)
            await self._fetch_database(draft)
        digests = await digests_of(self._source, self._name)
        blobs = [*digests.items()]
        for start in range(0, len(blobs), AT_ONCE):
            self._progress("restoring", start, len(blobs))
            some = blobs[start : start + AT_ONCE]
            await asyncio.gather(*(self._fetch_blob(digest, size) for digest, size in some))
        self._progress("restoring", len(digests), len(digests))
        if not is_in_place:
            write_private(self._data_dir.secret, await self._secret())
            write_private(self._data_dir.webhooks_held, f"{self._name}\n")
            await to_thread.run_sync(self._finish, draft, now)
        return self._report

    async def _secret(self) -> str:
        content = await small_file_of(self._source, self._name, self._manifest, SECRET)
        try:
            return content.decode("ascii")
        except UnicodeDecodeError as error:
            raise SnapshotDamaged(f"The secret of the snapshot {self._name} is damaged.") from error

    async def _fetch_database(self, draft: Path) -> None:
        described = self._manifest.files[DATABASE]
        try:
            actual, _ = await self._fetch(snapshot_key(self._name, DATABASE), draft)
        except NotFound:
            actual = ""
        if actual != described.sha256:
            raise SnapshotDamaged(f"The database of the snapshot {self._name} is damaged.")
        await to_thread.run_sync(self._check_database, draft)

    def _check_database(self, draft: Path) -> None:
        """A backup may come from anywhere, with a manifest that fits."""
        require_sound(draft)
        try:
            require_own(draft)
        except UntrustedDatabase as error:
            draft.unlink()
            raise SnapshotDamaged(
                f"The database of the snapshot {self._name} {error.detail}. Nothing was restored: "
                "it may have been changed by someone else. Restore another snapshot."
            ) from error

    async def _fetch_blob(self, digest: Digest, size: int) -> None:
        if await self._blobs.size(digest) != size:  # else a restore before this one fetched it
            draft = self._data_dir.tmp / digest
            try:
                actual, size = await self._fetch(blob_key(digest), draft)
            except NotFound:
                self._report.faults[digest] = "missing"
                return
            if actual != digest:
                await to_thread.run_sync(draft.unlink)
                self._report.faults[digest] = "damaged"
                return
            await self._blobs.put(draft, digest)
        self._report.blobs += 1
        self._report.bytes += size

    async def _fetch(self, key: str, path: Path) -> tuple[str, int]:
        """Copy an object to a file, durably; its SHA-256 and size."""
        actual, size = hashlib.sha256(), 0
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "wb", buffering=0) as file:
            async for piece in self._source.stream(key):
                actual.update(piece)
                size += await to_thread.run_sync(file.write, piece)
            await to_thread.run_sync(os.fsync, fd)
        return actual.hexdigest(), size

    def _finish(self, draft: Path, now: datetime) -> None:
        prepare_restored(draft, now)
        draft.replace(self._data_dir.database)
        fsync_directory(self._data_dir.root)
