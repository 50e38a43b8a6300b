"""Variants as if they were on another machine: only a request tells which there are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import BinaryIO

from imagesvc.model.ids import VariantKey
from imagesvc.model.images import Variant
from imagesvc.store.files.variant_files import VariantFiles


class RemoteVariants:
    """Implements `VariantContents`; the files are its own affair."""

    def __init__(self, root: Path) -> None:
        self._files = VariantFiles(root)
        self.is_whole = self._files.is_whole
        self.delete = self._files.delete

    def holds(self, key: VariantKey) -> bool | None:
        """See `VariantContents`."""
        del key
        return None

    def path(self, key: VariantKey) -> Path | None:
        """See `VariantContents`."""
        del key
        return None

    async def write(self, made: Sequence[tuple[VariantKey, bytes | BinaryIO]]) -> None:
        """See `VariantContents`."""
        await self._files.write(made)

    async def read(self, variant: Variant) -> bytes | None:
        """See `VariantContents`."""
        return await self._files.read(variant)

    def stream(self, variant: Variant, start: int, stop: int) -> AsyncIterator[bytes]:
        """See `VariantContents`."""
        return self._files.stream(variant, start, stop)

    def older_than(self, seconds: float) -> AsyncIterator[list[VariantKey]]:
        """See `VariantContents`."""
        return self._files.older_than(seconds)
