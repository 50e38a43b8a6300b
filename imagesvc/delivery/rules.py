"""The operator's rules of delivery."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from imagesvc.delivery.query import Asked
from imagesvc.errors import SignatureInvalid
from imagesvc.model.formats import Format
from imagesvc.settings.settings import Settings
from imagesvc.store.files.data_dir import DataDir


class Kind(StrEnum):
    """The kind of a URL for the policy."""

    ORIGINAL = "original"
    PRESET = "preset"
    FREE_FORM = "free-form transform"


MUST_BE_SIGNED = {
    "open": frozenset[Kind](),
    "presets": frozenset({Kind.FREE_FORM}),
    "signed": frozenset({Kind.FREE_FORM, Kind.ORIGINAL}),
}
"""The kinds that need a signature under each policy; presets never do."""


@dataclass(frozen=True, slots=True)
class Sendfile:
    """The header that makes a proxy in front send a file, and the path in it."""

    header: str
    root: Path
    prefix: str

    def value(self, path: Path) -> str:
        """The value of the header for a file below the data directory."""
        return f"{self.prefix}{path.relative_to(self.root)}"


@dataclass(frozen=True, slots=True)
class DeliveryRules:
    """The settings of responses; see `imagesvc.settings` for their meaning."""

    policy: str
    allow_debug: bool
    auto_formats: tuple[Format, ...]
    avif_max_pixels: int
    sendfile: Sendfile | None
    cache_tag_header: str
    max_age: int
    stale_while_revalidate: int

    @classmethod
    def of(cls, settings: Settings, data_dir: DataDir) -> DeliveryRules:
        """The rules from the settings."""
        return cls(
            policy=settings.transform_policy,
            allow_debug=settings.allow_debug,
            auto_formats=tuple(Format(name) for name in settings.auto_formats),
            avif_max_pixels=settings.avif_max_pixels,
            sendfile=_sendfile(settings, data_dir.root),
            cache_tag_header=settings.tag_header,
            max_age=int(settings.max_age),
            stale_while_revalidate=int(settings.stale_while_revalidate),
        )

    def check(self, kind: Kind, asked: Asked) -> None:
        """Check a URL against the policy.

        Raises:
            SignatureInvalid: it must be signed and is not.
        """
        if asked.signature is None and kind in MUST_BE_SIGNED[self.policy]:
            raise SignatureInvalid(f"The URL of this {kind} must be signed.")


def _sendfile(settings: Settings, root: Path) -> Sendfile | None:
    if settings.sendfile == "x-accel-redirect":
        return Sendfile("x-accel-redirect", root, settings.sendfile_prefix)
    if settings.sendfile == "x-sendfile":
        return Sendfile("x-sendfile", root, f"{root}/")
    return None
