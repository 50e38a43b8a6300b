"""What a reader sees of a source at one time, and what readers of all kinds have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Protocol

from imagesvc.errors import SourceUnavailable
from imagesvc.library.importing.facts import Facts
from imagesvc.library.importing.names import SUFFIXES
from imagesvc.store.files.incoming import IncomingFile

MAX_ENTRIES = 1_000_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a source."""

    path: str
    """Its name below the source, which is also that of its row."""
    size: int
    mark: str
    """Changes when its content does: a time of modification, or an entity tag."""
    facts: Facts = field(default_factory=Facts)
    """What the listing itself says of it."""


@dataclass(frozen=True, slots=True)
class Look:
    """All files of a source at one time."""

    entries: Mapping[str, Entry]
    faults: Sequence[str] = ()
    """Parts that could not be read: files there may look as if they were gone."""
    state: Mapping[str, Any] = field(default_factory=dict)
    """What the reader needs at its next look."""


class Reader(Protocol):
    """Reads one source."""

    forgets: bool
    """Whether files leave its listing although they still count: those of a feed."""

    async def look(self, state: Mapping[str, Any]) -> Look | None:
        """All files; None if nothing has changed since the look that returned `state`.

        Raises:
            SourceUnavailable: the source is not there, or cannot be read.
        """

    async def settle(self) -> None:
        """Wait after a look that has found new files: some of them may still be written."""

    async def facts(self, entry: Entry) -> Facts:
        """What is known of a file beside its content."""

    async def fill(self, entry: Entry, file: IncomingFile) -> None:
        """Write the content of a file.

        Raises:
            ChangedWhileRead: it is another file than the look has seen.
            OSError, ImagesvcError: it cannot be read.
        """


def is_image_name(name: str) -> bool:
    """Whether a name is that of a file to take; hidden files are not taken."""
    path = PurePosixPath(name)
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def check_entries(number: int) -> None:
    """Check the number of files.

    Raises:
        SourceUnavailable: there are too many.
    """
    if number > MAX_ENTRIES:
        raise SourceUnavailable(f"The source has more than {MAX_ENTRIES:,} files.")
