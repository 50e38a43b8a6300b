"""Finds and reads the sidecars of files: XMP, and JSON of Google Takeout."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from imagesvc.errors import text_of
from imagesvc.library.importing.facts import Facts, UnreadableSidecar
from imagesvc.library.importing.takeout import facts_of_takeout, shortened, sidecar_names
from imagesvc.library.importing.xmp import facts_of_xmp
from imagesvc.store.files.beneath import DIRECTORY, FILE, open_beneath

T = TypeVar("T")
MAX_BYTES = 4 << 20
ENDINGS = (".xmp", ".json")


@dataclass(slots=True)
class _Folder:
    """The sidecars of one folder."""

    path: Path
    names: dict[str, str] = field(default_factory=dict)
    """Real names by folded names."""
    by_title: dict[str, Facts] | None = None
    """What JSON sidecars say, by the name of the file that their title means; read when needed."""


class Sidecars:
    """The sidecars below folders; those of one folder are remembered until another's are needed.

    Threads may share it: they take turns.
    """

    def __init__(self, root: Path | None = None) -> None:
        self._root = root
        """Where all folders are, without links; None: links are followed."""
        self._folder = _Folder(Path())
        self._lock = threading.Lock()
        self.faults: list[str] = []
        """Sidecars that could not be read, with the reason."""

    def facts_of(self, path: Path) -> Facts:
        """What the sidecars of a file say; a sidecar that cannot be read is a fault."""
        with self._lock:
            return self._facts_of(path)

    def _facts_of(self, path: Path) -> Facts:
        if self._folder.path != path.parent:
            self._folder = _Folder(path.parent, self._names_in(path.parent))
        if not self._folder.names:
            return Facts()
        names = (f"{path.name}.xmp", f"{path.stem}.xmp")
        found = self._first(names, facts_of_xmp) or Facts()
        taken_out = self._first(sidecar_names(path.name), facts_of_takeout)
        return found.completed(taken_out or self._by_title().get(path.name, Facts()))

    def _first(self, names: Iterable[str], read: Callable[[bytes], Facts | None]) -> Facts | None:
        for name in names:
            real = self._folder.names.get(name.casefold())
            if real is not None and (facts := self._read(real, read)) is not None:
                return facts
        return None

    def _read(self, name: str, read: Callable[[bytes], T]) -> T | None:
        path = self._folder.path / name
        try:
            return read(_content(self._open(path, FILE)))
        except UnreadableSidecar as error:
            self.faults.append(f"{path}: {error}")
        except OSError as error:
            self.faults.append(text_of(error))
        return None

    def _names_in(self, folder: Path) -> dict[str, str]:
        try:
            fd = self._open(folder, DIRECTORY)
        except OSError:
            return {}
        try:
            with os.scandir(fd) as entries:
                return {
                    entry.name.casefold(): entry.name
                    for entry in entries
                    if entry.name[-5:].lower().endswith(ENDINGS)
                    and entry.is_file(follow_symlinks=self._root is None)
                }
        except OSError:
            return {}
        finally:
            os.close(fd)

    def _open(self, path: Path, flags: int) -> int:
        if self._root is None:
            return os.open(path, flags & ~os.O_NOFOLLOW)
        return open_beneath(self._root, path.relative_to(self._root), flags)

    def _by_title(self) -> dict[str, Facts]:
        """JSON sidecars by their titles: names that are cut in another way have no rule."""
        folder = self._folder
        if folder.by_title is None:
            folder.by_title = {}
            for name in folder.names.values():
                if name.endswith(".json"):
                    facts = self._read(name, facts_of_takeout)
                    if facts is not None and facts.filename:
                        folder.by_title.setdefault(shortened(facts.filename), facts)
        return folder.by_title


def _content(fd: int) -> bytes:
    try:
        file = os.fdopen(fd, "rb")
    except OSError:  # a folder
        os.close(fd)
        raise
    with file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise UnreadableSidecar(f"it is larger than {MAX_BYTES:,} bytes")
    return data
