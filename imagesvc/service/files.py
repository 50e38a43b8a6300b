"""The data directory and what keeps files in it."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from imagesvc.settings.settings import Settings
from imagesvc.store.contents.variants import VariantContents
from imagesvc.store.files.blobs import BlobStore
from imagesvc.store.files.blobs_fs import FileBlobStore
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.incoming import Incoming
from imagesvc.store.files.locks import DigestLocks, Locks
from imagesvc.store.files.reserve import Reserve
from imagesvc.store.files.secret import make_secret
from imagesvc.store.files.variant_files import VariantFiles
from imagesvc.store.files.verified import VerifiedBlobs
from imagesvc.store.files.write_probe import WriteProbe

log = structlog.get_logger()

SPARE_INODES = 64
"""Inodes that must be free before the reserve takes its own."""


@dataclass(frozen=True, slots=True)
class Files:
    """Everything that is stored but the rows."""

    data_dir: DataDir
    reserve: Reserve
    write_probe: WriteProbe
    blobs: BlobStore
    verified: VerifiedBlobs
    variants: VariantContents
    locks: Locks
    incoming: Incoming

    def fill_reserve(self, min_free_bytes: int) -> None:
        """Take the room of the reserve where that leaves the disk enough."""
        if self.data_dir.has_inodes(SPARE_INODES):
            self.reserve.fill(self.data_dir.free_bytes(), min_free_bytes)


def files_of(settings: Settings, *, is_offline: bool) -> Files:
    """The files in the data directory of the settings.

    Raises:
        NoDataDir: a command needs an existing one.
        RestoreUnfinished: a restore was interrupted.
    """
    data_dir = usable_data_dir(settings, is_offline=is_offline)
    blobs = FileBlobStore(data_dir.blobs)
    return Files(
        data_dir=data_dir,
        reserve=Reserve(data_dir.reserve, data_dir.variants),
        write_probe=WriteProbe(data_dir),
        blobs=blobs,
        verified=VerifiedBlobs(blobs),
        variants=VariantFiles(data_dir.variants),
        locks=DigestLocks(data_dir.digest_lock),
        incoming=Incoming(
            data_dir, max_bytes=settings.max_upload_size, min_free_bytes=settings.min_free_space
        ),
    )


def usable_data_dir(settings: Settings, *, is_offline: bool) -> DataDir:
    """The data directory, which a server makes and a command only uses.

    With a shared database, it has only files, and each node makes its own.

    Raises:
        NoDataDir: a command needs an existing one.
        RestoreUnfinished: a restore was interrupted.
    """
    data_dir = DataDir(settings.data_dir.absolute())
    if not settings.is_embedded:
        data_dir.create()
        return data_dir
    if is_offline:
        data_dir.require()
        return data_dir
    data_dir.check_restored()
    is_new = not data_dir.secret.exists() and not data_dir.has_database()
    data_dir.create()
    if is_new:
        path = str(data_dir.root)
        log.warning("made a new data directory", action="data_dir.new", path=path)
    if not data_dir.has_database():  # otherwise a missing secret was lost
        make_secret(data_dir.secret)
    return data_dir
