"""Format negotiation: `format=auto` by the Accept field (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imagesvc.imaging.transforms.effective import moves
from imagesvc.model.formats import Format, Size
from imagesvc.model.images import Original
from imagesvc.syntax.header_fields import weights_of

ANIMATED = (Format.WEBP, Format.GIF)
EVERYWHERE = (Format.JPEG, Format.PNG, Format.GIF)
"""Formats that every client supports, for which a wildcard is enough."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The weights of an Accept field, from 0 to 1; types that it does not name are absent."""

    weights: dict[str, float]

    @classmethod
    def of(cls, field: str | None) -> Accepted:
        """Parse a field; malformed members are ignored, a missing field accepts everything."""
        return cls(weights_of(field or "*/*"))

    def named(self, kind: Format) -> float:
        """The weight of a format by its own name; 0 when only a wildcard covers it.

        `*/*` does not mean that a client decodes AVIF.
        """
        return self.weights.get(kind.media_type, 0.0)

    def covered(self, kind: Format) -> float:
        """The weight of a format, by the most specific range that covers it."""
        for name in (kind.media_type, "image/*", "*/*"):
            if name in self.weights:
                return self.weights[name]
        return 0.0


def negotiate(
    accepted: Accepted,
    original: Original,
    size: Size | None,
    *,
    preferred: Sequence[Format],
    max_avif_pixels: int,
) -> Format:
    """The best format for a client.

    It is the preferred format with the highest weight in the field, and among equals the first;
    otherwise the universal one. Animations get animated formats, and AVIF is used only for sizes
    that are encoded in time.

    Args:
        accepted: the types that the client accepts.
        original: the original of the variant.
        size: of the variant, in pixels; None if only rendering determines it.
        preferred: the preferred formats, the best first.
        max_avif_pixels: AVIF is sent up to this many pixels.
    """
    pixels = original.width * original.height if size is None else size.width * size.height
    candidates = [
        kind
        for kind in preferred
        if (kind is not Format.AVIF or pixels <= max_avif_pixels)
        and (kind in ANIMATED or not moves(original))
    ]
    plain = plain_format(original)
    best, weight = plain, 0.0
    for kind in candidates:
        given = accepted.covered(kind) if kind in EVERYWHERE else accepted.named(kind)
        if given > weight:
            best, weight = kind, given
    return plain if accepted.covered(plain) > weight else best


def plain_format(original: Original) -> Format:
    """The format that every client supports and that loses the least of an original."""
    if moves(original):
        return Format.GIF
    if original.format in EVERYWHERE:
        return original.format
    return Format.PNG if original.has_alpha else Format.JPEG
