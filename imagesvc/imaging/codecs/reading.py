"""The bytes of a file in memory, as a file that libraries read from."""

from __future__ import annotations

import io
from typing import IO, TYPE_CHECKING

from imagesvc.imaging.containers.found import Data

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

COPIED_BYTES = 4 << 20
"""Up to here, a copy is faster than reads that go through Python."""


def as_file(data: Data) -> IO[bytes]:
    """A file with a position of its own; large mapped files are not copied."""
    if isinstance(data, bytes) or len(data) <= COPIED_BYTES:
        return io.BytesIO(data[:])
    return io.BufferedReader(_Reader(data))


class _Reader(io.RawIOBase):
    def __init__(self, data: Data) -> None:
        self._data = data
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        piece = self._data[self._position : self._position + len(view)]
        view[: len(piece)] = piece
        self._position += len(piece)
        return len(piece)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: len(self._data)}
        position = start[whence] + offset
        if position < 0:
            raise ValueError("negative seek position")
        self._position = position
        return position

    def tell(self) -> int:
        return self._position
