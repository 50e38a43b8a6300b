"""Blobs as files: `blobs/ab/cd/<sha256>`."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from collections.abc import AsyncIterator
from functools import lru_cache
from io import FileIO
from pathlib import Path

from anyio import to_thread

from imagesvc.errors import NotFound, Unavailable
from imagesvc.model.ids import BlobName, Digest, digest_of
from imagesvc.store.files.blobs import Stamp, StoredBlob
from imagesvc.store.files.files import NO_DESCRIPTOR, full_disk_named, move_durably, read_piece

READ_BYTES = 1 << 20
ATTEMPTS = 5


class FileBlobStore:
    """The blob store below one directory of a local file system."""

    is_local_verified = False

    def __init__(self, root: Path, *, may_be_missing: bool = False) -> None:
        self.root = root
        self._may_be_missing = may_be_missing

    def path(self, name: BlobName | Digest) -> Path:
        """Where the blob is or would be; two levels keep directories short."""
        return _path_below(self.root, name)

    def where(self, name: BlobName) -> str:
        """See `BlobStore`: its path."""
        return str(self.path(name))

    async def put(self, source: Path, digest: Digest) -> BlobName:
        """See `BlobStore`: rename, then fsync the directory entry."""
        await to_thread.run_sync(self._put, source, digest)
        return BlobName(digest)

    def _put(self, source: Path, name: BlobName | Digest) -> None:
        path = self.path(name)
        with full_disk_named():
            for _ in range(ATTEMPTS - 1):
                # A delete dropped the directory, perhaps just as `mkdir` found it there.
                with contextlib.suppress(FileNotFoundError, FileExistsError):
                    return move_durably(source, path, self.root)
            return move_durably(source, path, self.root)

    async def check(self) -> None:
        """See `BlobStore`."""
        await to_thread.run_sync(self._check)

    async def check_room(self) -> None:
        """See `BlobStore`: nothing, since the disk of the data directory is checked as a whole."""

    def _check(self) -> None:
        # Every blob of an unmounted disk is missing, but none of them is deleted.
        if not (self._may_be_missing or self.root.is_dir()):
            raise Unavailable("The data directory is missing.")

    @contextlib.asynccontextmanager
    async def local(self, name: BlobName | Digest) -> AsyncIterator[Path]:
        """See `BlobStore`: the file itself."""
        yield self.path(name)

    async def stream(self, name: BlobName | Digest, start: int, stop: int) -> AsyncIterator[bytes]:
        """See `BlobStore`."""
        fd = await to_thread.run_sync(self._open, name)
        try:
            position = start
            while position < stop and (piece := await read_piece(fd, position, stop)):
                position += len(piece)
                yield piece
        finally:
            os.close(fd)

    def open(self, name: BlobName | Digest) -> FileIO:
        """The open file of a blob; it blocks.

        Raises:
            NotFound: there is no such blob.
            Unavailable: the store is missing.
        """
        return FileIO(self._open(name))

    def _open(self, name: BlobName | Digest) -> int:
        try:
            return os.open(self.path(name), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            self._check()
            raise NotFound("The original is missing.") from None

    async def size(self, name: BlobName | Digest) -> int | None:
        """See `BlobStore`."""
        return await to_thread.run_sync(self._size, name)

    def _size(self, name: BlobName | Digest) -> int | None:
        try:
            return self.path(name).stat().st_size
        except FileNotFoundError:
            self._check()
            return None

    async def stamp(self, name: BlobName | Digest) -> Stamp | None:
        """See `BlobStore`: data of the file system about the file."""
        return await to_thread.run_sync(self._stamp, name)

    def _stamp(self, name: BlobName | Digest) -> Stamp | None:
        try:
            stat = self.path(name).stat()
        except FileNotFoundError:
            self._check()
            return None
        return Stamp(stat.st_size, f"{stat.st_ino}-{stat.st_mtime_ns}-{stat.st_ctime_ns}")

    async def is_sound(self, name: BlobName | Digest) -> bool:
        """See `BlobStore`: read whole in one thread, a mebibyte at a time."""
        return await to_thread.run_sync(self._is_sound, name)

    def _is_sound(self, name: BlobName | Digest) -> bool:
        actual = hashlib.sha256()
        try:
            with self.open(name) as file:
                while piece := file.read(READ_BYTES):
                    actual.update(piece)
        except PermissionError:
            raise  # it says nothing about the bytes
        except OSError as error:
            if error.errno in NO_DESCRIPTOR:
                raise
            return False  # a part of the disk that cannot be read
        return actual.hexdigest() == digest_of(BlobName(name))

    async def delete(self, name: BlobName | Digest) -> None:
        """See `BlobStore`: unlink, and drop directories that this empties."""
        await to_thread.run_sync(self._delete, name)

    def _delete(self, name: BlobName | Digest) -> None:
        path = self.path(name)
        try:
            path.unlink()
        except FileNotFoundError:
            self._check()
        with contextlib.suppress(OSError):  # not empty: it has other files
            path.parent.rmdir()
            path.parent.parent.rmdir()

    async def all(self) -> AsyncIterator[list[StoredBlob]]:
        """See `BlobStore`: one directory of the first level at a time."""
        if self._may_be_missing and not await to_thread.run_sync(self.root.exists):
            return
        for first in await to_thread.run_sync(_directories, self.root):
            yield await to_thread.run_sync(_blobs_below, first)


@lru_cache(maxsize=4096)
def _path_below(root: Path, name: BlobName | Digest) -> Path:
    return root / name[:2] / name[2:4] / name


def _directories(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if re.fullmatch("[0-9a-f]{2}", path.name))


def _blobs_below(first: Path) -> list[StoredBlob]:
    now = time.time()
    found = []
    for path in sorted(first.glob("[0-9a-f][0-9a-f]/*")):
        with contextlib.suppress(FileNotFoundError):  # deleted since it was listed
            stat = path.stat()
            # The inode's change time: a rename into place makes even an old file young.
            found.append(StoredBlob(BlobName(path.name), stat.st_size, now - stat.st_ctime))
    return found
