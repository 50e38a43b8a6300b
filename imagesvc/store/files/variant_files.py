"""The files of variants: `variants/ab/<key>`; evictable, so never fsynced or renamed.

A file counts once its row is there, which is written after it; what a crash or a power cut
leaves of a file is found out by the checksum in the row.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
import zlib
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from anyio import to_thread

from imagesvc.model.ids import VariantKey
from imagesvc.model.images import Variant
from imagesvc.store.files.files import full_disk_named, read_piece

CHUNK = 1 << 20


class VariantFiles:
    """The variants below one directory; see `VariantContents`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, key: VariantKey) -> Path:
        """Where the variant is or would be."""
        return self.root.joinpath(key[:2], key)

    def holds(self, key: VariantKey) -> bool:
        """Whether there is a file. Not in a thread, which takes ten times as long as the call."""
        return os.access(f"{self.root}/{key[:2]}/{key}", os.F_OK)

    async def write(self, made: Sequence[tuple[VariantKey, bytes | BinaryIO]]) -> None:
        """See `VariantContents`."""
        await to_thread.run_sync(self._write, made)

    def _write(self, made: Sequence[tuple[VariantKey, bytes | BinaryIO]]) -> None:
        with full_disk_named():
            for key, content in made:
                path = self.path(key)
                try:
                    _put(path, content)
                except FileNotFoundError:
                    path.parent.mkdir(exist_ok=True)
                    _put(path, content)

    async def read(self, variant: Variant) -> bytes | None:
        """See `VariantContents`: read whole in one thread."""
        return await to_thread.run_sync(self._read, variant)

    def _read(self, variant: Variant) -> bytes | None:
        try:
            fd = os.open(self.path(variant.key), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        with open(fd, "rb") as file:  # noqa: PTH123  # a descriptor, and no second lookup
            content = file.read()
        return content if zlib.crc32(content) == variant.crc32 else None

    async def stream(self, variant: Variant, start: int, stop: int) -> AsyncIterator[bytes]:
        """See `VariantContents`."""
        path = self.path(variant.key)
        fd = await to_thread.run_sync(os.open, path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            while start < stop and (piece := await read_piece(fd, start, stop)):
                start += len(piece)
                yield piece
        finally:
            os.close(fd)

    async def is_whole(self, variant: Variant) -> bool:
        """See `VariantContents`: read in pieces."""
        return await to_thread.run_sync(self._is_whole, variant)

    def _is_whole(self, variant: Variant) -> bool:
        checksum = 0
        try:
            with self.path(variant.key).open("rb") as file:
                while piece := file.read(CHUNK):
                    checksum = zlib.crc32(piece, checksum)
        except FileNotFoundError:
            return False
        return checksum == variant.crc32

    async def delete(self, keys: Sequence[str]) -> None:
        """See `VariantContents`."""
        if keys:
            await to_thread.run_sync(self._delete, keys)

    def _delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.path(VariantKey(key)).unlink(missing_ok=True)

    async def older_than(self, seconds: float) -> AsyncIterator[list[VariantKey]]:
        """See `VariantContents`: one directory at a time."""
        for directory in await to_thread.run_sync(self._directories):
            yield await to_thread.run_sync(_older_than, directory, seconds)

    def _directories(self) -> list[Path]:
        return sorted(path for path in self.root.iterdir() if path.is_dir())


def _put(path: Path, content: bytes | BinaryIO) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o640)
    try:
        for piece in [content] if isinstance(content, bytes) else _pieces(content):
            view = memoryview(piece)
            while view:
                view = view[os.write(fd, view) :]
    except OSError:
        path.unlink(missing_ok=True)  # half a file is useless, and takes room on a full disk
        raise
    finally:
        os.close(fd)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    """The bytes of a file, which is closed then; as many as it has now, should it grow.

    A worker wrote it, and may keep it open: the file itself is never published.
    """
    with file:
        end = os.fstat(file.fileno()).st_size
        for start in range(0, end, CHUNK):
            yield os.pread(file.fileno(), min(CHUNK, end - start), start)


def _older_than(directory: Path, seconds: float) -> list[VariantKey]:
    horizon = time.time() - seconds
    found = []
    for path in directory.iterdir():
        with contextlib.suppress(FileNotFoundError):
            status = path.stat()
            if status.st_ctime <= horizon and stat.S_ISREG(status.st_mode):
                found.append(VariantKey(path.name))
    return found
