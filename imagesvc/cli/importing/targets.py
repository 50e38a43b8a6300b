"""Where `imagesvc import` puts files: what it needs of a service and of a data directory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from imagesvc.errors import Unavailable
from imagesvc.library.importing.facts import Facts
from imagesvc.model.ids import Digest


class Halt(Unavailable):
    """An error that each further file would meet as well."""


@dataclass(frozen=True, slots=True)
class Item:
    """A file to import: its content, and its metadata."""

    path: Path
    size: int
    digest: Digest
    name: str
    """The file name that the image gets."""
    facts: Facts
    taken_at: str
    """The local time of the photograph where its EXIF has none."""
    collection: str
    """The title of its collection; empty for none."""


class Target(Protocol):
    """A place for images."""

    async def existing(self, digests: Sequence[Digest]) -> Mapping[Digest, bool]:
        """Those that are there, and whether each is in the trash.

        Raises:
            Halt: nothing can be imported now.
        """

    async def put(self, item: Item) -> bool:
        """Make an image of a file; returns whether it is new.

        Raises:
            Halt: nothing more can be imported now.
            ImagesvcError, OSError: this file cannot.
        """
