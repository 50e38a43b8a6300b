"""The reader of each kind of source."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from imagesvc.library.importing.templates import InvalidTemplate, Template
from imagesvc.library.sources.folder import FolderReader, permitted_folder
from imagesvc.library.sources.looks import Reader
from imagesvc.model.sources import Source


@dataclass(frozen=True, slots=True)
class Readers:
    """Makes readers, of what the settings allow."""

    roots: tuple[Path, ...]
    pause: Callable[[], Awaitable[object]]
    """Waits between the two looks at new files of a folder."""

    def reader_of(self, source: Source) -> Reader:
        """The reader of a source.

        Raises:
            InvalidRequest: its address is not allowed.
        """
        return FolderReader(permitted_folder(source.address, self.roots), self.pause)

    async def check(self, source: Source) -> None:
        """Check the address of a new source.

        Raises:
            InvalidRequest: it is not allowed, or wrong.
        """
        self.reader_of(source)


def checked_template(text: str) -> str:
    """A template of collections.

    Raises:
        ValueError: the error, as the end of a sentence that begins with the field's name.
    """
    try:
        Template.parse(text)
    except InvalidTemplate as error:
        raise ValueError(str(error)) from error
    return text
