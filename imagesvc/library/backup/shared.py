"""The backup of a database that nodes share, and of its blobs in files or in a bucket."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from imagesvc.library.backup.source import RowsOfMoment
from imagesvc.model.ids import BlobName, Digest, digest_of
from imagesvc.store.files.blobs import BlobStore
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.locks import Locks
from imagesvc.store.images import ImageStore
from imagesvc.store.objects.blobs import ObjectBlobStore
from imagesvc.store.objects.downloads import DownloadCache

if TYPE_CHECKING:
    from imagesvc.store.db.postgres.database import PostgresDatabase
    from imagesvc.store.db.postgres.moments import Moment

BATCH = 1000


@dataclass(slots=True)
class _Rows:
    moment: Moment
    staged: Path
    held: contextlib.AsyncExitStack

    @property
    def blobs(self) -> dict[BlobName, int]:
        """See `RowsOfMoment`."""
        return self.moment.blobs

    async def finish(self) -> None:
        """See `RowsOfMoment`: nobody waits for the copy of the rows."""
        await self.held.aclose()
        await self.moment.copy_to(self.staged)


@dataclass(frozen=True, slots=True)
class SharedSource:
    """PostgreSQL, and a store of blobs."""

    database: PostgresDatabase
    images: ImageStore
    blobs: BlobStore
    locks: Locks
    key: bytes

    @contextlib.asynccontextmanager
    async def moment(self, staged: Path, *, are_blobs_kept: bool) -> AsyncIterator[RowsOfMoment]:
        """See `Source`: the rows are copied at last, when their blobs are there."""
        async with contextlib.AsyncExitStack() as held:
            if are_blobs_kept:
                await held.enter_async_context(self.database.blobs_kept())
            async with self.database.moment() as moment:
                yield _Rows(moment, staged, held)

    async def known(self) -> frozenset[Digest]:
        """See `Source`."""
        found: set[Digest] = set()
        after = ""
        while rows := await self.images.blobs_after(after, BATCH):
            found.update(digest_of(name) for name, _ in rows)
            after = digest_of(rows[-1][0])
        return frozenset(found)

    async def secret(self) -> bytes:
        """See `Source`."""
        return f"{self.key.hex()}\n".encode()


@contextlib.asynccontextmanager
async def shared_source(
    database: PostgresDatabase, data_dir: DataDir, blobs: BlobStore, locks: Locks, key: bytes
) -> AsyncIterator[SharedSource]:
    """What nodes share, while they run; objects pass through files of the data directory."""
    if not isinstance(blobs, ObjectBlobStore):
        yield SharedSource(database, ImageStore(database), blobs, locks, key)
        return
    downloads = DownloadCache(data_dir.downloads, 0)  # none is used twice
    await downloads.open()
    try:
        fetched = ObjectBlobStore(blobs.bucket, downloads)
        yield SharedSource(database, ImageStore(database), fetched, locks, key)
    finally:
        await downloads.close()
