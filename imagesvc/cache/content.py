"""The results of the variant cache: the bytes of a variant, or where they are, and its tier."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from imagesvc.cache.memory import Entry
from imagesvc.model.images import Variant
from imagesvc.store.contents.variants import VariantContents


@dataclass(frozen=True, slots=True)
class StoredVariant:
    """A variant too large for memory, to be sent from where it is stored."""

    variant: Variant
    contents: VariantContents

    @property
    def path(self) -> Path | None:
        """The file that a proxy in front can send; None if there is none here."""
        return self.contents.path(self.variant.key)

    def stream(self, start: int, stop: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `stop`, in pieces.

        Raises:
            FileNotFoundError: it was evicted.
        """
        return self.contents.stream(self.variant, start, stop)


Content = Entry | StoredVariant


@dataclass(frozen=True, slots=True)
class Fetched:
    """A variant to send, with its tier and the seconds of each stage."""

    content: Content
    tier: str  # memory, disk or rendered
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def variant(self) -> Variant:
        """The row about it."""
        return self.content.variant
