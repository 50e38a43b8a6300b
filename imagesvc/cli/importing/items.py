"""What an imported file is called, and where it goes: its sidecars, its dates, the options."""

from __future__ import annotations

import mmap
import os
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

from imagesvc.cli.importing.targets import Item
from imagesvc.cli.uploads.files import FoundFile
from imagesvc.errors import ImagesvcError
from imagesvc.imaging.analysis.exif import facts as exif_facts
from imagesvc.imaging.containers.walkers import inspect
from imagesvc.imaging.limits import Limits
from imagesvc.library.importing.facts import NANOSECONDS, local_time, tags_from, time_of
from imagesvc.library.importing.names import name_for
from imagesvc.library.importing.sidecars import Sidecars
from imagesvc.library.importing.templates import Spot, Template
from imagesvc.model.ids import Digest, utc_now

ANY = Limits(max_pixels=1 << 40, max_frames=1 << 20, max_decode_bytes=1 << 50)
"""The date of a file is read here; whether the file is accepted is checked where it is stored."""


@dataclass(frozen=True, slots=True)
class Description:
    """Describes files."""

    roots: tuple[Path, ...]
    """The files and folders that were named."""
    template: Template
    tags: tuple[str, ...]
    sidecars: Sidecars = field(default_factory=Sidecars)

    def item(self, file: FoundFile, digest: Digest) -> Item:
        """A file with all that is known of it.

        Raises:
            OSError: it cannot be read.
        """
        facts = self.sidecars.facts_of(file.path)
        modified = time_of(file.modified_ns, NANOSECONDS) or local_time(utc_now().astimezone())
        taken_at = facts.taken_at or modified
        shown = (_exif_date(file.path) if self.template.needs_date else None) or taken_at
        spot = Spot(_absolute(file.path.parent), self._below(file.path), shown)
        return Item(
            path=file.path,
            size=file.bytes or 0,
            digest=digest,
            name=name_for(file.path, facts.filename),
            facts=replace(facts, tags=tags_from((*self.tags, *facts.tags))),
            taken_at=taken_at,
            collection=self.template.title(spot),
        )

    def _below(self, path: Path) -> PurePath:
        """The folder of a file, from the folder that was named on."""
        for root in self.roots:
            if root != path and path.is_relative_to(root):
                return path.parent.relative_to(root)
        return PurePath()


def _exif_date(path: Path) -> str | None:
    """The local time in the file itself; None if there is none, or the file is damaged."""
    with path.open("rb") as file:
        try:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                taken_at = exif_facts(inspect(content, ANY)[1].tags).get("taken_at")
        except (ImagesvcError, ValueError):  # an empty file cannot be mapped
            return None
    return taken_at if isinstance(taken_at, str) else None


def check_image(path: Path) -> None:
    """Check what an import checks first: the format and the structure of a file.

    Raises:
        Rejected: it is not an image that can be taken.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            inspect(b"", ANY)
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            inspect(content, ANY)


def _absolute(folder: Path) -> PurePath:
    return folder.absolute()
