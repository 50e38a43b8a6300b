"""Blobs as files: `blobs/ab/cd/<sha256>`."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import time
from collections.abc import AsyncIterator
from functools import lru_cache
from pathlib import Path

from anyio import to_thread

from imagesvc.errors import NotFound, Unavailable
from imagesvc.model.ids import Digest
from imagesvc.store.files.blobs import Stamp, StoredBlob
from imagesvc.store.files.files import NO_DESCRIPTOR, full_disk_named, move_durably, read_piece

READ_BYTES = 1 << 20
ATTEMPTS = 5


class FileBlobStore:
    """The blob store below one directory of a local file system."""

    def __init__(self, root: Path, *, may_be_missing: bool = False) -> None:
        self.root = root
        self._may_be_missing = may_be_missing

    def path(self, digest: Digest) -> Path:
        """Where the blob is or would be; two levels keep directories short."""
        return _path_below(self.root, digest)

    async def put(self, source: Path, digest: Digest) -> None:
        """See `BlobStore`: rename, then fsync the directory entry."""
        await to_thread.run_sync(self._put, source, digest)

    def _put(self, source: Path, digest: Digest) -> None:
        path = self.path(digest)
        with full_disk_named():
            for _ in range(ATTEMPTS - 1):
                with contextlib.suppress(FileNotFoundError):  # a delete dropped the directory
                    return move_durably(source, path, self.root)
            return move_durably(source, path, self.root)

    async def check(self) -> None:
        """See `BlobStore`."""
        await to_thread.run_sync(self._check)

    def _check(self) -> None:
        # Every blob of an unmounted disk is missing, but none of them is deleted.
        if not (self._may_be_missing or self.root.is_dir()):
            raise Unavailable("The data directory is missing.")

    @contextlib.asynccontextmanager
    async def local(self, digest: Digest) -> AsyncIterator[Path]:
        """See `BlobStore`: the file itself."""
        yield self.path(digest)

    async def stream(self, digest: Digest, start: int, stop: int) -> AsyncIterator[bytes]:
        """See `BlobStore`."""
        fd = await to_thread.run_sync(self._open, digest)
        try:
            position = start
            while position < stop and (piece := await read_piece(fd, position, stop)):
                position += len(piece)
                yield piece
        finally:
            os.close(fd)

    def _open(self, digest: Digest) -> int:
        try:
            return os.open(self.path(digest), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            self._check()
            raise NotFound("The original is missing.") from None

    async def size(self, digest: Digest) -> int | None:
        """See `BlobStore`."""
        return await to_thread.run_sync(self._size, digest)

    def _size(self, digest: Digest) -> int | None:
        try:
            return self.path(digest).stat().st_size
        except FileNotFoundError:
            self._check()
            return None

    async def stamp(self, digest: Digest) -> Stamp | None:
        """See `BlobStore`: data of the file system about the file."""
        return await to_thread.run_sync(self._stamp, digest)

    def _stamp(self, digest: Digest) -> Stamp | None:
        try:
            stat = self.path(digest).stat()
        except FileNotFoundError:
            self._check()
            return None
        return Stamp(stat.st_size, f"{stat.st_ino}-{stat.st_mtime_ns}-{stat.st_ctime_ns}")

    async def is_sound(self, digest: Digest) -> bool:
        """See `BlobStore`: read whole in one thread, a mebibyte at a time."""
        return await to_thread.run_sync(self._is_sound, digest)

    def _is_sound(self, digest: Digest) -> bool:
        actual = hashlib.sha256()
        try:
            with open(self._open(digest), "rb", buffering=0) as file:  # noqa: PTH123  # a descriptor
                while piece := file.read(READ_BYTES):
                    actual.update(piece)
        except PermissionError:
            raise  # it says nothing about the bytes
        except OSError as error:
            if error.errno in NO_DESCRIPTOR:
                raise
            return False  # a part of the disk that cannot be read
        return actual.hexdigest() == digest

    async def delete(self, digest: Digest) -> None:
        """See `BlobStore`: unlink, and drop directories that this empties."""
        await to_thread.run_sync(self._delete, digest)

    def _delete(self, digest: Digest) -> None:
        path = self.path(digest)
        try:
            path.unlink()
        except FileNotFoundError:
            self._check()
        with contextlib.suppress(OSError):  # not empty: it has other files
            path.parent.rmdir()
            path.parent.parent.rmdir()

    async def all(self) -> AsyncIterator[list[StoredBlob]]:
        """See `BlobStore`: one directory of the first level at a time."""
        for first in await to_thread.run_sync(_directories, self.root):
            yield await to_thread.run_sync(_blobs_below, first)


@lru_cache(maxsize=4096)
def _path_below(root: Path, digest: Digest) -> Path:
    return root / digest[:2] / digest[2:4] / digest


def _directories(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if re.fullmatch("[0-9a-f]{2}", path.name))


def _blobs_below(first: Path) -> list[StoredBlob]:
    now = time.time()
    found = []
    for path in sorted(first.glob("[0-9a-f][0-9a-f]/*")):
        with contextlib.suppress(FileNotFoundError):  # deleted since it was listed
            stat = path.stat()
            # The inode's change time: a rename into place makes even an old file young.
            found.append(StoredBlob(Digest(path.name), stat.st_size, now - stat.st_ctime))
    return found
