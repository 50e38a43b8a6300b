"""Blobs as objects in a bucket: `blobs/<digest>/<uuid>`.

Each put makes an object of its own, whose name its row records: to upload and to delete the same
bytes at the same time on two nodes cannot race.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from io import FileIO
from pathlib import Path
from uuid import uuid4

from anyio import to_thread

from imagesvc.errors import NotFound, OriginalDamaged
from imagesvc.model.ids import BlobName, Digest, digest_of
from imagesvc.store.files.blobs import Stamp, StoredBlob
from imagesvc.store.files.files import full_disk_named
from imagesvc.store.objects.buckets import Bucket
from imagesvc.store.objects.downloads import DownloadCache

FOLDER = "blobs"
QUARANTINE = "quarantine"
NAME = re.compile("[0-9a-f]{64}(/[0-9a-f]{32})?")
"""Those that were copied from files have no second part."""
PIECE_BYTES = 256 << 10
"""For clients: one that stops reading keeps about as much in memory."""
DAMAGED = "The stored image is damaged; its bytes are not those uploaded."


@dataclass(frozen=True, slots=True)
class ObjectBlobStore:
    """The blob store in a bucket."""

    bucket: Bucket
    downloads: DownloadCache

    @property
    def is_local_verified(self) -> bool:
        """See `BlobStore`: while it is fetched."""
        return True

    async def put(self, source: Path, digest: Digest) -> BlobName:
        """See `BlobStore`: under a new name."""
        name = BlobName(f"{digest}/{uuid4().hex}")
        await self.bucket.put(_key(name), source)
        await to_thread.run_sync(partial(source.unlink, missing_ok=True))
        return name

    async def check(self) -> None:
        """See `BlobStore`: one request for a list of at most one object."""
        await self.bucket.check()

    async def check_room(self) -> None:
        """See `BlobStore`."""
        await self.bucket.check_room()

    def path(self, name: BlobName) -> None:
        """See `BlobStore`: none."""

    def where(self, name: BlobName) -> str:
        """See `BlobStore`: its URL."""
        return self.bucket.where(_key(name))

    def local(self, name: BlobName) -> AbstractAsyncContextManager[Path]:
        """See `BlobStore`: fetched, unless it is there from an earlier use.

        Raises:
            OriginalDamaged: the bytes of the object do not have the digest.
        """
        return self.downloads.hold(name, partial(self._fetch, name))

    async def _fetch(self, name: BlobName, path: Path) -> AsyncGenerator[int, None]:
        actual = hashlib.sha256()
        with await to_thread.run_sync(_new_file, path) as file:
            try:
                async for piece in self.bucket.stream(_key(name)):
                    yield await to_thread.run_sync(_write, file, piece, actual)
            except NotFound:
                await to_thread.run_sync(path.unlink)
                return
        if actual.hexdigest() != digest_of(name):
            raise OriginalDamaged(DAMAGED)

    async def stream(self, name: BlobName, start: int, stop: int) -> AsyncIterator[bytes]:
        """See `BlobStore`."""
        if start < stop:
            span = (start, stop)
            async for piece in self.bucket.stream(_key(name), span, piece_bytes=PIECE_BYTES):
                yield piece
        elif await self.bucket.find(_key(name)) is None:
            raise NotFound("The original is missing.")

    async def size(self, name: BlobName) -> int | None:
        """See `BlobStore`."""
        found = await self.bucket.find(_key(name))
        return None if found is None else found.bytes

    async def stamp(self, name: BlobName) -> Stamp | None:
        """See `BlobStore`: the entity tag of the object."""
        found = await self.bucket.find(_key(name))
        if found is None:
            return None
        return Stamp(found.bytes, found.tag or found.modified.isoformat())

    async def is_sound(self, name: BlobName) -> bool:
        """See `BlobStore`: read whole, a mebibyte at a time."""
        actual = hashlib.sha256()
        async for piece in self.bucket.stream(_key(name)):
            await to_thread.run_sync(actual.update, piece)
        return actual.hexdigest() == digest_of(name)

    async def delete(self, name: BlobName) -> None:
        """See `BlobStore`."""
        try:
            await self.bucket.delete([_key(name)])
        finally:
            await self.downloads.remove(name)

    async def set_aside(self, name: BlobName) -> str:
        """Move a damaged blob to where no row and no collection finds it; returns that place."""
        key = f"{QUARANTINE}/{name}"
        await self.bucket.move(_key(name), key)
        await self.downloads.remove(name)
        return self.bucket.where(key)

    async def all(self) -> AsyncIterator[list[StoredBlob]]:
        """See `BlobStore`: a page of the list at a time; other objects are left out."""
        async for page in self.bucket.list(FOLDER):
            now = datetime.now(UTC)
            yield [
                StoredBlob(name, found.bytes, (now - found.modified).total_seconds())
                for found in page
                if (name := blob_name_of(found.key)) is not None
            ]


def _key(name: BlobName) -> str:
    return f"{FOLDER}/{name}"


def blob_name_of(key: str) -> BlobName | None:
    """The blob whose object has this key; None for other objects."""
    name = key.removeprefix(f"{FOLDER}/")
    return BlobName(name) if NAME.fullmatch(name) else None


def _new_file(path: Path) -> FileIO:
    with full_disk_named():
        return FileIO(path, "x")


def _write(file: FileIO, piece: bytes, actual: hashlib._Hash) -> int:
    actual.update(piece)
    view = memoryview(piece)
    with full_disk_named():
        while view:
            view = view[file.write(view) :]
    return len(piece)
