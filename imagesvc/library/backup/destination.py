"""Where backups are: the contract of a folder and of a bucket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from imagesvc.errors import ElsewhereFull, Unavailable
from imagesvc.model.ids import Digest


class SourceDamaged(Unavailable):
    """The bytes of a blob are not those of its digest."""


class DestinationFull(ElsewhereFull):
    """The place of the backup has no more room."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An object that is stored."""

    key: str
    bytes: int


class Destination(Protocol):
    """Objects by key, each of which is whole or missing, and durable once stored."""

    def __str__(self) -> str: ...

    async def prepare(self) -> None:
        """Make it the place of a backup, if it is empty.

        Raises:
            Conflict: it has something else.
        """
        ...

    async def require(self) -> None:
        """Check that it has a backup.

        Raises:
            NotFound: it has none.
        """
        ...

    def lock(self) -> AbstractAsyncContextManager[None]:
        """Exclude other backups, also those of other machines, while the context lasts.

        Raises:
            Conflict: another backup is running.
        """
        ...

    def staging(self) -> AbstractAsyncContextManager[Path]:
        """A directory for files on their way to `adopt`.

        Raises:
            DestinationFull: it is a part of the destination, whose room has ended.
        """
        ...

    def entries(self, prefix: str) -> AsyncIterator[Sequence[Entry]]:
        """Everything below a prefix of whole segments, some at a time."""
        ...

    async def read(self, key: str) -> bytes:
        """A small object.

        Raises:
            NotFound: there is no such object.
        """
        ...

    def stream(self, key: str) -> AsyncIterator[bytes]:
        """An object in pieces.

        Raises:
            NotFound: there is no such object.
        """
        ...

    async def put(self, key: str, content: bytes) -> None:
        """Store a small object.

        Raises:
            DestinationFull: there is no room for it; so do the next two.
        """
        ...

    async def put_blob(self, key: str, source: Path, digest: Digest) -> int:
        """Store a copy of a file that must have this digest; returns its size.

        Raises:
            SourceDamaged: it has another digest; nothing is stored.
            FileNotFoundError: there is no such file.
        """
        ...

    async def adopt(self, key: str, staged: Path) -> None:
        """Store a file of the staging directory, which may be moved."""
        ...

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove objects; missing ones are ignored."""
        ...
