"""The files that `imagesvc upload` sends: named files, and the images below folders."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from imagesvc.imaging.containers.magic import HEAD_BYTES, sniff
from imagesvc.library.importing.names import SUFFIXES
from imagesvc.library.importing.sidecars import ENDINGS


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file to send, and its bytes; None for a pipe, which can be read only once."""

    path: Path
    bytes: int | None
    modified_ns: int = 0


@dataclass(slots=True)
class Listing:
    """The result of a search: files in order, and the numbers of skipped ones."""

    files: list[FoundFile] = field(default_factory=list)
    passed_over: int = 0
    sidecars: int = 0
    """Files that may describe others; `passed_over` does not count them."""
    faults: list[OSError] = field(default_factory=list)
    has_folder: bool = False
    _seen: set[str] = field(default_factory=set)

    @property
    def bytes(self) -> int:
        """The bytes of all files together."""
        return sum(file.bytes or 0 for file in self.files)

    def add_named(self, path: Path) -> None:
        """Add a named path: a folder with everything below it, or any file."""
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            self.has_folder = True
            self._add_below(path)
        else:
            is_regular = stat.S_ISREG(status.st_mode)
            size = status.st_size if is_regular else None
            self.files.append(FoundFile(path, size, status.st_mtime_ns))

    def _add_below(self, folder: Path) -> None:
        """Depth first, names in the order of their bytes; not by recursion, which has a limit."""
        waiting = [folder]
        while waiting:
            path = waiting.pop()
            try:
                status = path.stat()
                if stat.S_ISDIR(status.st_mode):
                    waiting += self._inside(path)
                elif not stat.S_ISREG(status.st_mode):
                    self.passed_over += 1  # opening a pipe or a device may block
                elif self._is_first(path):
                    self._add_file(path, status)
            except OSError as error:
                self.faults.append(error)

    def _inside(self, folder: Path) -> Iterable[Path]:
        """The entries of a folder in reverse order; none if it was seen: links may form loops."""
        if not self._is_first(folder):
            return ()
        paths = [path for path in folder.iterdir() if not path.name.startswith(".")]
        return sorted(paths, key=os.fsencode, reverse=True)

    def _is_first(self, path: Path) -> bool:
        """Whether no other name of the same file or folder was seen.

        Real paths are compared: inode numbers are not unique on every network file system.
        """
        real = os.path.realpath(path)
        if real in self._seen:
            return False
        self._seen.add(real)
        return True

    def _add_file(self, path: Path, status: os.stat_result) -> None:
        suffix = path.suffix.lower()
        if suffix in ENDINGS:
            self.sidecars += 1
        elif suffix in SUFFIXES or _looks_like_image(path):
            self.files.append(FoundFile(path, status.st_size, status.st_mtime_ns))
        else:
            self.passed_over += 1


def listed(paths: Iterable[Path]) -> Listing:
    """All files to send for the named paths.

    Raises:
        OSError: a named file or folder does not exist.
    """
    listing = Listing()
    for path in paths:
        listing.add_named(path)
    return listing


def _looks_like_image(path: Path) -> bool:
    with path.open("rb") as file:
        return sniff(file.read(HEAD_BYTES)) is not None
