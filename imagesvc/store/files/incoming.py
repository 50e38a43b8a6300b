"""Uploads in progress: bytes are written to `tmp/` as they arrive, and hashed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from anyio import to_thread

from imagesvc.cancellation import run_to_end
from imagesvc.errors import EmptyFile, FileTooLarge, InsufficientStorage, Unavailable
from imagesvc.model.ids import Digest
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.files import full_disk_named, shortage

BUFFER = 256 * 1024


@dataclass(slots=True)
class ReceivedFile:
    """A complete upload in `tmp/`, fsynced; `is_moved` once it is in the blob store."""

    path: Path
    digest: Digest
    bytes: int
    is_moved: bool = False


@dataclass(slots=True)
class IncomingFile:
    """One file while it is received; at most a quarter of a mebibyte of it is in memory."""

    path: Path
    max_bytes: int
    check_space: Callable[[], None]
    size: int = 0
    _buffer: list[bytes] = field(default_factory=list)
    _buffered: int = 0
    _sha256: hashlib._Hash = field(default_factory=hashlib.sha256)
    _fd: int | None = None
    _received: ReceivedFile | None = None

    async def write(self, piece: bytes) -> None:
        """Take the next bytes.

        Raises:
            FileTooLarge: the file has more bytes than allowed.
            InsufficientStorage: the disk is full.
        """
        self.size += len(piece)
        if self.size > self.max_bytes:
            raise FileTooLarge(f"The file is larger than {self.max_bytes:,} bytes.")
        self._buffer.append(piece)
        self._buffered += len(piece)
        if self._buffered >= BUFFER:
            await run_to_end(to_thread.run_sync(self._flush))

    async def finish(self) -> ReceivedFile:
        """Write the rest and fsync.

        Raises:
            EmptyFile: no byte came.
            InsufficientStorage: the disk is full.
        """
        if self.size == 0:
            raise EmptyFile("The file is empty.")
        await run_to_end(to_thread.run_sync(self._finish))
        self._received = ReceivedFile(self.path, Digest(self._sha256.hexdigest()), self.size)
        return self._received

    def _flush(self) -> None:
        with full_disk_named():
            if self._fd is None:
                self._fd = self._open()
            for piece in self._buffer:
                self._sha256.update(piece)
                view = memoryview(piece)
                while view:
                    view = view[os.write(self._fd, view) :]
        self._buffer.clear()
        self._buffered = 0

    def _open(self) -> int:
        try:
            self.check_space()
            return os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        except FileNotFoundError as error:
            raise Unavailable("The data directory is missing.") from error

    def _finish(self) -> None:
        self._flush()
        if self._fd is not None:
            with full_disk_named():
                os.fsync(self._fd)
            self._close()

    def _close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    async def discard(self) -> None:
        """Leave nothing behind; a file that was moved into the blob store is not there any more."""
        if self._received is None or not self._received.is_moved:
            await to_thread.run_sync(self._discard)

    def _discard(self) -> None:
        self._close()
        self.path.unlink(missing_ok=True)


class Incoming:
    """Makes the incoming files of one data directory."""

    def __init__(self, data_dir: DataDir, *, max_bytes: int, min_free_bytes: int) -> None:
        self._data_dir = data_dir
        self._max_bytes = max_bytes
        self._min_free_bytes = min_free_bytes

    @contextlib.asynccontextmanager
    async def receive(self, max_bytes: int | None = None) -> AsyncIterator[IncomingFile]:
        """A file to write to, removed at the end of the context unless it was moved."""
        path = self._data_dir.tmp / uuid.uuid4().hex
        most = self._max_bytes if max_bytes is None else min(max_bytes, self._max_bytes)
        incoming = IncomingFile(path, most, self._check_space)
        try:
            yield incoming
        finally:
            await run_to_end(incoming.discard())  # an aborted upload leaves nothing either

    def _check_space(self) -> None:
        if (free := self._data_dir.free_bytes()) < self._min_free_bytes:
            raise InsufficientStorage(f"{shortage(free)}; uploads are refused now.")
