"""What can be uploaded, as files that tell how far they have been read."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from .parameters import Progress

Source = Path | str | bytes | BinaryIO
"""A source of an upload: a path, also as a str, bytes, or a readable file."""


class WatchedFile(io.RawIOBase):
    """A file that reports how far it has been read."""

    def __init__(self, file: BinaryIO, on_progress: Progress | None) -> None:
        super().__init__()
        self._file = file
        self._on_progress = on_progress
        self._begin = file.tell() if file.seekable() else 0
        if not file.seekable():
            self._file = io.BytesIO(file.read())
        self._size = self._file.seek(0, io.SEEK_END) - self._begin
        self._file.seek(self._begin)

    def seekable(self) -> bool:
        """It is."""
        return True

    def readable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Seek to an offset from the position at which the file was passed."""
        if whence == io.SEEK_SET:
            offset += self._begin
        return self._file.seek(offset, whence) - self._begin

    def tell(self) -> int:
        """How far it has been read."""
        return self._file.tell() - self._begin

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        data = self._file.read(size)
        if self._on_progress is not None:
            self._on_progress(self.tell(), self._size)
        return data


def watched(file: BinaryIO, on_progress: Progress | None) -> BinaryIO:
    """A file that reports how far it has been read."""
    return WatchedFile(file, on_progress)  # type: ignore[return-value]  # it is one


def watched_together(
    files: Sequence[tuple[str, BinaryIO]], on_progress: Progress | None
) -> list[tuple[str, BinaryIO]]:
    """Files that report together how far all of them have been read."""
    sent: dict[int, int] = {}
    sizes: list[int] = []

    def told(position: int) -> Progress | None:
        if on_progress is None:
            return None

        def tell(bytes_sent: int, _all: int) -> None:
            sent[position] = bytes_sent
            on_progress(sum(sent.values()), sum(sizes))

        return tell

    found = [(name, watched(file, told(position))) for position, (name, file) in enumerate(files)]
    for _name, file in found:
        sizes.append(file.seek(0, io.SEEK_END))
        file.seek(0)
    return found


def name_of(source: Source) -> str:
    """The file name of the source."""
    if isinstance(source, bytes):
        return "upload"
    return Path(
        source if isinstance(source, str | Path) else getattr(source, "name", "upload")
    ).name


@contextlib.contextmanager
def opened(source: Source) -> Iterator[BinaryIO]:
    """The source as a file; a str is a path. A file of the caller stays open."""
    if isinstance(source, bytes):
        yield io.BytesIO(source)
    elif isinstance(source, str | Path):
        with Path(source).open("rb") as file:
            yield file
    else:
        yield source


@contextlib.contextmanager
def all_opened(sources: Sequence[Source]) -> Iterator[list[tuple[str, BinaryIO]]]:
    """Several files with their names."""
    with contextlib.ExitStack() as stack:
        yield [(name_of(source), stack.enter_context(opened(source))) for source in sources]
