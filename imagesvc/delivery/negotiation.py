"""Which format to send to whom: `format=auto` by the Accept field (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imagesvc.imaging.transforms.effective import moves
from imagesvc.model.formats import Format, Size
from imagesvc.model.images import Original
from imagesvc.syntax.header_fields import weights_of

ANIMATED = (Format.WEBP, Format.GIF)
EVERYWHERE = (Format.JPEG, Format.PNG, Format.GIF)
"""What every client shows, so that a wildcard is enough to be sent it."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The weights that an Accept field gives, from 0 to 1; what it does not name is absent."""

    weights: dict[str, float]

    @classmethod
    def of(cls, field: str | None) -> Accepted:
        """Read a field; malformed members are passed over, no field accepts anything."""
        return cls(weights_of(field or "*/*"))

    def named(self, kind: Format) -> float:
        """The weight of a format by its own name; 0 when only a wildcard covers it.

        `*/*` says that a client takes what it is given, not that it decodes AVIF.
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
    """The format that suits a client best.

    Of the preferred formats that the field names, the one with the most weight, and among equals
    the first; else the one that everybody shows. Animations go to formats that move, and AVIF
    only to sizes that are encoded in time.

    Args:
        accepted: what the client takes.
        original: what it is a variant of.
        size: of the variant, in pixels; None when only rendering tells.
        preferred: formats to prefer, the best first.
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
    """The format that every client shows and that loses the least of an original."""
    if moves(original):
        return Format.GIF
    if original.format in EVERYWHERE:
        return original.format
    return Format.PNG if original.has_alpha else Format.JPEG
