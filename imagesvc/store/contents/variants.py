"""The contract of what keeps the bytes of variants; `files/variant_files.py` has them in files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from imagesvc.model.ids import VariantKey
from imagesvc.model.images import Variant


class VariantContents(Protocol):
    """Bytes of variants by their keys; each may be lost at any time, and is made again then.

    A variant counts once it has a row, which is written after its bytes. The row has the size and
    the checksum of the bytes: those that differ are of no use.
    """

    def holds(self, key: VariantKey) -> bool | None:
        """Whether there are bytes, possibly damaged or without a row; None if that takes a request.

        It does not wait: it is called in the event loop.
        """
        ...

    def path(self, key: VariantKey) -> Path | None:
        """The file that a proxy in front can send, if it is there; None if there are no files."""
        ...

    async def write(self, made: Sequence[tuple[VariantKey, bytes | BinaryIO]]) -> None:
        """Store variants: bytes, or an open file to copy and to close.

        Bytes of the same key are replaced. After an error, some may be stored.

        Raises:
            InsufficientStorage: the disk is full.
            Unavailable: nothing can be stored now.
        """
        ...

    async def read(self, variant: Variant) -> bytes | None:
        """The bytes of a variant; None when they are missing or damaged.

        Raises:
            Unavailable: that cannot be said now.
        """
        ...

    def stream(self, variant: Variant, start: int, stop: int) -> AsyncIterator[bytes]:
        """The bytes of a large variant from `start` up to `stop`, in pieces, not verified.

        Raises:
            FileNotFoundError: they were removed.
            Unavailable: they cannot be read now.
        """
        ...

    async def is_whole(self, variant: Variant) -> bool:
        """Whether the bytes are there, and as many as the row says; in files, also the checksum.

        Raises:
            Unavailable: that cannot be said now.
        """
        ...

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove variants; missing ones are ignored.

        Raises:
            Unavailable: not all can be removed now.
        """
        ...

    def older_than(self, seconds: float) -> AsyncIterator[list[VariantKey]]:
        """The keys of all bytes stored more than so many seconds ago, some at a time."""
        ...
