"""What the operator decides about delivery."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from imagesvc.delivery.query import Asked
from imagesvc.errors import SignatureInvalid
from imagesvc.model import Format


class Kind(StrEnum):
    """What a URL asks for, as far as the policy cares."""

    ORIGINAL = "original"
    PRESET = "preset"
    FREE_FORM = "free-form transform"


MUST_BE_SIGNED = {
    "open": frozenset[Kind](),
    "presets": frozenset({Kind.FREE_FORM}),
    "signed": frozenset({Kind.FREE_FORM, Kind.ORIGINAL}),
}
"""What needs a signature under each policy; presets are a bounded set and never do."""


@dataclass(frozen=True, slots=True)
class Sendfile:
    """How a proxy in front is told to send a file itself: the header and the path in it."""

    header: str
    root: Path
    prefix: str

    def value(self, path: Path) -> str:
        """What the header says for a file below the data directory."""
        return f"{self.prefix}{path.relative_to(self.root)}"


@dataclass(frozen=True, slots=True)
class DeliveryRules:
    """The settings that shape answers; see `settings.py` for their meaning."""

    policy: str
    allow_debug: bool
    auto_formats: tuple[Format, ...]
    avif_max_pixels: int
    sendfile: Sendfile | None
    cache_tag_header: str
    max_age: int
    stale_while_revalidate: int

    def check(self, kind: Kind, asked: Asked) -> None:
        """Hold a URL against the policy.

        Raises:
            SignatureInvalid: it must be signed and is not.
        """
        if asked.signature is None and kind in MUST_BE_SIGNED[self.policy]:
            raise SignatureInvalid(f"The URL of this {kind} must be signed.")
