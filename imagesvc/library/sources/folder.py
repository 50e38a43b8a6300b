"""Folders of this machine as sources, below roots that the operator allows."""

from __future__ import annotations

import os
import stat
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath
from typing import Any

from anyio import to_thread

from imagesvc.errors import InvalidRequest, SourceUnavailable, text_of
from imagesvc.library.importing.facts import Facts
from imagesvc.library.importing.intake import PIECE_BYTES, ChangedWhileRead
from imagesvc.library.importing.names import name_for
from imagesvc.library.importing.sidecars import Sidecars
from imagesvc.library.sources.looks import Entry, Look, check_entries, is_image_name
from imagesvc.store.files.beneath import DIRECTORY, FILE, open_beneath
from imagesvc.store.files.incoming import IncomingFile

NO_ROOTS = (
    "names a folder, but this server may read none: the setting source_roots names the folders "
    "that sources may be in"
)
MAX_FAULTS = 10
MARK = "\x1a"


def permitted_folder(address: str, roots: Sequence[Path]) -> Path:
    """The real path of a folder below one of the roots.

    Raises:
        InvalidRequest: it is not below a root, or not absolute.
    """
    if not roots:
        raise _invalid(NO_ROOTS)
    if not address.startswith("/") or "\x00" in address:
        raise _invalid("must be an absolute path")
    real = Path(os.path.realpath(address))
    if not any(real.is_relative_to(os.path.realpath(root)) for root in roots):
        raise _invalid("names a folder outside of those of the setting source_roots")
    return real


def _invalid(message: str) -> InvalidRequest:
    return InvalidRequest(f"address {message}.", (("address", message),))


@dataclass(slots=True)
class FolderReader:
    """A folder with all folders below it; symbolic links are not followed."""

    root: Path
    pause: Callable[[], Awaitable[object]]
    """Waits between the two looks at new files."""
    forgets: bool = False
    _sidecars: Sidecars = field(init=False)

    def __post_init__(self) -> None:
        self._sidecars = Sidecars(self.root)

    async def look(self, _state: Mapping[str, Any]) -> Look:
        """All images below the folder."""
        return await to_thread.run_sync(self._look)

    def _look(self) -> Look:
        if not self.root.is_dir():
            raise SourceUnavailable("The folder is not there; is its file system mounted?")
        faults: list[str] = []
        entries: dict[str, Entry] = {}
        for entry in self._files(faults):
            entries[entry.path] = entry
            check_entries(len(entries))
        return Look(entries, faults)

    def _files(self, faults: list[str]) -> Iterator[Entry]:
        waiting = [PurePath()]
        while waiting:
            folder = waiting.pop()
            try:
                yield from self._entries(folder, waiting)
            except OSError as error:
                if not folder.parts:
                    raise SourceUnavailable(
                        f"The folder cannot be read: {error.strerror}."
                    ) from error
                if len(faults) < MAX_FAULTS:
                    faults.append(text_of(error))

    def _entries(self, folder: PurePath, waiting: list[PurePath]) -> Iterator[Entry]:
        """The images of one folder; the folders in it are appended to those that wait."""
        fd = open_beneath(self.root, folder, DIRECTORY)
        try:
            with os.scandir(fd) as found:
                for item in found:
                    if item.name.startswith("."):
                        continue
                    if item.is_dir(follow_symlinks=False):
                        waiting.append(folder / item.name)
                    elif is_image_name(item.name):
                        yield from _entry(item, folder)
        finally:
            os.close(fd)

    async def settle(self) -> None:
        """Wait: only files whose size and time of modification hold still are read.

        No clock is compared with the times of files: either may jump.
        """
        await self.pause()

    async def facts(self, entry: Entry) -> Facts:
        """What its sidecars say."""
        path = self.root / _path(entry.path)
        facts = await to_thread.run_sync(self._sidecars.facts_of, path)
        return replace(facts, filename=name_for(path, facts.filename))

    async def fill(self, entry: Entry, file: IncomingFile) -> None:
        """Write the content of a file that is still the one that was seen."""
        fd = await to_thread.run_sync(self._open, entry)
        try:
            while piece := await to_thread.run_sync(os.read, fd, PIECE_BYTES):
                await file.write(piece)
            self._check(entry, fd)
        finally:
            os.close(fd)

    def _open(self, entry: Entry) -> int:
        fd = open_beneath(self.root, PurePath(_path(entry.path)), FILE)
        try:
            self._check(entry, fd)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def _check(self, entry: Entry, fd: int) -> None:
        if not _is_seen(entry, os.fstat(fd)):
            raise ChangedWhileRead("The file changed while it was read.")


def _entry(item: os.DirEntry[str], folder: PurePath) -> Iterator[Entry]:
    try:
        status = item.stat(follow_symlinks=False)
    except FileNotFoundError:
        return
    if stat.S_ISREG(status.st_mode):
        yield Entry(_key(str(folder / item.name)), status.st_size, str(status.st_mtime_ns))


def _is_seen(entry: Entry, status: os.stat_result) -> bool:
    is_regular = stat.S_ISREG(status.st_mode)
    return is_regular and (status.st_size, str(status.st_mtime_ns)) == (entry.size, entry.mark)


def _key(path: str) -> str:
    """A path as text; bytes that are not UTF-8 are hexadecimal digits after U+001A."""
    if path.isascii() and MARK not in path:
        return path
    return "".join(
        f"{MARK}{ord(c) & 0xFF:02x}" if c == MARK or "\udc80" <= c <= "\udcff" else c for c in path
    )


def _path(key: str) -> str:
    """The path of a key."""
    first, *others = key.split(MARK)
    return first + "".join(os.fsdecode(bytes.fromhex(part[:2])) + part[2:] for part in others)
