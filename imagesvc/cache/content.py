"""The results of the variant cache: the bytes of a variant, or its file, and its tier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from imagesvc.cache.memory import Entry
from imagesvc.model.images import Variant


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A variant too large for memory, to be sent from its file."""

    variant: Variant
    path: Path


Content = Entry | StoredFile


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
