"""What is backed up: blobs, and the rows of all tables at one moment."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Protocol

from anyio import to_thread

from imagesvc.model.ids import BlobName, Digest
from imagesvc.store.db.sqlite.database import EmbeddedDatabase
from imagesvc.store.db.sqlite.snapshots import copy_database, digests_in, known_digests_in
from imagesvc.store.db.sqlite.soundness import read_only_engine
from imagesvc.store.files.blobs import BlobStore
from imagesvc.store.files.blobs_fs import FileBlobStore
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.locks import Locks, locks_if_writable
from imagesvc.store.images import ImageStore


class RowsOfMoment(Protocol):
    """The rows at one moment."""

    @property
    def blobs(self) -> Mapping[BlobName, int]:
        """The blobs that they need, with their sizes."""
        ...

    async def finish(self) -> None:
        """Have all rows in the staged file; from then on, blobs may be deleted again.

        Raises:
            NoRoomForCopy: its disk is full.
        """
        ...


class Source(Protocol):
    """What is backed up."""

    @property
    def images(self) -> ImageStore:
        """The rows of now."""
        ...

    @property
    def blobs(self) -> BlobStore:
        """The originals and mezzanines."""
        ...

    @property
    def locks(self) -> Locks:
        """The locks of their digests."""
        ...

    def moment(
        self, staged: Path, *, are_blobs_kept: bool
    ) -> AbstractAsyncContextManager[RowsOfMoment]:
        """The rows of now, which `finish` has in the file `staged`, as a database of SQLite.

        Args:
            staged: the file; one that is there is replaced.
            are_blobs_kept: let deletions and uploads wait until then.
        """
        ...

    async def known(self) -> frozenset[Digest]:
        """All blobs that rows need now.

        Raises:
            DatabaseDamaged: they cannot be read.
        """
        ...

    async def secret(self) -> bytes:
        """The secret, as in the file of a data directory."""
        ...


class _Copied:
    """Rows that are in the staged file already."""

    def __init__(self, blobs: Mapping[BlobName, int]) -> None:
        self.blobs = blobs

    async def finish(self) -> None:
        """See `RowsOfMoment`."""


class DataDirSource:
    """A data directory with its database in it."""

    def __init__(self, data_dir: DataDir, images: ImageStore, locks: Locks) -> None:
        self.blobs = FileBlobStore(data_dir.blobs)
        self.images = images
        self.locks = locks
        self._data_dir = data_dir

    @contextlib.asynccontextmanager
    async def moment(self, staged: Path, *, are_blobs_kept: bool) -> AsyncIterator[RowsOfMoment]:
        """See `Source`: the whole database is copied at once."""
        async with self.locks.hold_all() if are_blobs_kept else contextlib.nullcontext():
            await to_thread.run_sync(copy_database, self._data_dir.database, staged)
            digests = await to_thread.run_sync(digests_in, staged)
            yield _Copied({BlobName(digest): size for digest, size in digests.items()})

    async def known(self) -> frozenset[Digest]:
        """See `Source`."""
        return await to_thread.run_sync(known_digests_in, self._data_dir.database)

    async def secret(self) -> bytes:
        """See `Source`."""
        return await to_thread.run_sync(self._data_dir.secret.read_bytes)


@contextlib.asynccontextmanager
async def data_dir_source(data_dir: DataDir) -> AsyncIterator[DataDirSource]:
    """A data directory, whose server may be running.

    Raises:
        NoDataDir: no server has been started there.
    """
    data_dir.require()
    database = EmbeddedDatabase(data_dir.database, engine=read_only_engine(data_dir.database))
    locks = locks_if_writable(data_dir.digest_lock)
    try:
        yield DataDirSource(data_dir, ImageStore(database), locks)
    finally:
        await database.close()
        locks.close()
