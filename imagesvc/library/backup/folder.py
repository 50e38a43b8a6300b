"""Backups in a folder, such as on another disk of this machine or on a mounted share."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO

from anyio import to_thread

from imagesvc.errors import Conflict, NotFound
from imagesvc.library.backup.destination import DestinationFull, Entry, SourceDamaged
from imagesvc.library.backup.layout import FORMAT, MARKER
from imagesvc.model.ids import Digest
from imagesvc.store.db.sqlite.snapshots import NoRoomForCopy
from imagesvc.store.files.files import FULL, fsync_directory, move_durably

READ_BYTES = 1 << 20
LOCK = "lock"
STAGING = "tmp"
MODE = 0o600


class FolderDestination:
    """A folder that only its owner can read: it has the originals and the secret."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __str__(self) -> str:
        return str(self.root)

    async def prepare(self) -> None:
        """See `Destination`."""
        await to_thread.run_sync(self._prepare)

    def _prepare(self) -> None:
        with self._full_disk_named():
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            if (self.root / MARKER).exists():
                return
            draft = _draft_of(self.root / MARKER)  # of a backup that was killed at its beginning
            others = sorted(path.name for path in self.root.iterdir() if path.name != draft)
            if others:
                raise Conflict(
                    f"{self.root} has other files, such as {others[0]}. Name an empty folder for "
                    "backups, or one that does not exist."
                )
            self.root.chmod(0o700)
            self._write(self.root / MARKER, f"{FORMAT}\n".encode())

    async def require(self) -> None:
        """See `Destination`."""
        if not await to_thread.run_sync((self.root / MARKER).exists):
            raise NotFound(f"There is no backup of imagesvc in {self.root}.")

    @contextlib.asynccontextmanager
    async def lock(self) -> AsyncIterator[None]:
        """See `Destination`: a lock that ends with this process."""
        fd = os.open(self.root / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, MODE)
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Conflict(f"Another backup to {self.root} is running.") from None
            yield
        finally:
            os.close(fd)

    @contextlib.asynccontextmanager
    async def staging(self) -> AsyncIterator[Path]:
        """See `Destination`: on the same file system, so that files can be renamed."""
        path = self.root / STAGING
        await to_thread.run_sync(partial(shutil.rmtree, path, ignore_errors=True))
        with self._full_disk_named():
            path.mkdir(mode=0o700)
        try:
            with self._full_disk_named():
                yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    async def entries(self, prefix: str) -> AsyncIterator[Sequence[Entry]]:
        """See `Destination`: one directory at a time. Links lead to what is no part of it."""
        top = self.root / prefix
        if not top.is_dir():
            return
        real = (path for path in top.iterdir() if path.is_dir() and not path.is_symlink())
        for directory in sorted(real):
            yield await to_thread.run_sync(self._entries, directory)

    def _entries(self, directory: Path) -> list[Entry]:
        return [
            Entry(path.relative_to(self.root).as_posix(), path.stat().st_size)
            for path in sorted(directory.rglob("*"))
            if path.is_file() and not path.is_symlink()
        ]

    async def read(self, key: str) -> bytes:
        """See `Destination`."""
        try:
            return await to_thread.run_sync((self.root / key).read_bytes)
        except FileNotFoundError:
            raise NotFound(f"{self.root / key} is missing.") from None

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        """See `Destination`."""
        try:
            file = await to_thread.run_sync((self.root / key).open, "rb", 0)
        except FileNotFoundError:
            raise NotFound(f"{self.root / key} is missing.") from None
        with file:
            while piece := await to_thread.run_sync(file.read, READ_BYTES):
                yield piece

    async def put(self, key: str, content: bytes) -> None:
        """See `Destination`."""
        await to_thread.run_sync(self._put, key, content)

    def _put(self, key: str, content: bytes) -> None:
        with self._full_disk_named():
            self._write(self.root / key, content)

    def _write(self, path: Path, content: bytes) -> None:
        draft = self.root / _draft_of(path)
        try:
            with _private(draft) as file:
                file.write(content)
                _to_disk(file)
            self._move(draft, path)
        finally:
            draft.unlink(missing_ok=True)

    async def put_blob(self, key: str, source: Path, digest: Digest) -> int:
        """See `Destination`: hashed while it is copied."""
        return await to_thread.run_sync(self._put_blob, key, source, digest)

    def _put_blob(self, key: str, source: Path, digest: Digest) -> int:
        draft = self.root / STAGING / digest
        actual, size = hashlib.sha256(), 0
        with source.open("rb", buffering=0) as original, self._full_disk_named():
            try:
                with _private(draft) as file:
                    while piece := original.read(READ_BYTES):
                        actual.update(piece)
                        size += file.write(piece)
                    if actual.hexdigest() != digest:
                        raise SourceDamaged(f"{source} is damaged.")
                    _to_disk(file)
                self._move(draft, self.root / key)
            finally:
                draft.unlink(missing_ok=True)
        return size

    async def adopt(self, key: str, staged: Path) -> None:
        """See `Destination`: renamed."""
        await to_thread.run_sync(self._adopt, key, staged)

    def _adopt(self, key: str, staged: Path) -> None:
        with self._full_disk_named():
            with staged.open("rb+") as file:
                _to_disk(file)
            self._move(staged, self.root / key)

    def _move(self, draft: Path, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        move_durably(draft, path, self.root)

    async def delete(self, keys: Sequence[str]) -> None:
        """See `Destination`; folders that this empties are removed, too."""
        await to_thread.run_sync(self._delete, keys)

    def _delete(self, keys: Sequence[str]) -> None:
        for key in keys:
            path = self.root / key
            path.unlink(missing_ok=True)
            if path.parent.is_dir():
                fsync_directory(path.parent)
            with contextlib.suppress(OSError):  # not empty
                path.parent.rmdir()
                path.parent.parent.rmdir()

    @contextlib.contextmanager
    def _full_disk_named(self) -> Iterator[None]:
        """Name the full disk of the backup; what else may be full meanwhile is named already."""
        try:
            yield
        except NoRoomForCopy as error:
            raise DestinationFull(self._when_full()) from error
        except OSError as error:
            if error.errno in FULL:
                raise DestinationFull(self._when_full()) from error
            raise

    def _when_full(self) -> str:
        return (
            f"The disk of {self.root} is full. What was copied stays there, and the next backup "
            "continues with it. With a shorter --keep it removes older snapshots first, but never "
            "the newest."
        )


def _draft_of(path: Path) -> str:
    return f"{path.name}.new"


def _private(path: Path) -> BinaryIO:
    """A new file that only its owner can read."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, MODE)
    return os.fdopen(fd, "wb")


def _to_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
