"""When there is a mezzanine, how large it is, and what is made from it; no pixels here.

A mezzanine is a reduced copy of a large original, as shown: sRGB, oriented, without metadata.
Small variants made from it look like those made from the original at a fraction of the work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from imagesvc.errors import InvalidTransform
from imagesvc.imaging.cost import ENCODER_BYTES, render_bytes
from imagesvc.imaging.geometry import Box, Plan, plan
from imagesvc.model import Format, Original, Size, Transform

MIN_PIXELS = 3_000_000
"""Originals up to here are decoded as fast as their mezzanine would be."""
LONGEST_SIDE = 1280
MARGIN = 2
"""A variant is made from a mezzanine of at least so many times its scale."""
EDGE_TOLERANCE = 8
"""A crop's edge may move by an eighth of a pixel of the result; nobody sees that."""
SHARED_BYTES = 64 << 20
"""A decoded picture of up to so many bytes is kept, to make several variants of."""


def mezzanine_size(original: Original) -> Size | None:
    """The size of an original's mezzanine; None for small originals and animations."""
    width, height = original.width, original.height
    longest = max(width, height)
    if original.frames > 1 or width * height <= MIN_PIXELS or longest <= LONGEST_SIDE:
        return None
    return Size(
        *(max(1, (2 * side * LONGEST_SIDE + longest) // (2 * longest)) for side in (width, height))
    )


def mezzanine_format(original: Original) -> Format:
    """JPEG (quality 90, 4:4:4); lossless WebP where there is alpha."""
    return Format.WEBP if original.has_alpha else Format.JPEG


def serves(mezzanine: Size, transform: Transform, original: Original) -> bool:
    """Whether a variant may be made from a mezzanine of this size.

    It may when the mezzanine has at least `MARGIN` times the pixels a side that the variant
    needs of what it shows, and the edges of a crop fall near enough to whole pixels of it. It
    may not with `exact`, nor where single pixels of the original decide (`trim`) or a frame.

    Args:
        mezzanine: its size.
        transform: an effective one.
        original: what it is a mezzanine of.
    """
    if transform.exact or transform.trim or transform.frame or original.frames > 1:
        return False
    shown = Size(original.width, original.height)
    try:
        laid = plan(transform, shown.width, shown.height)
    except InvalidTransform:
        return False
    region = laid.region or Box(0, 0, shown.width, shown.height)
    sides = (
        (laid.scaled.width, region.left, region.width, mezzanine.width, shown.width),
        (laid.scaled.height, region.top, region.height, mezzanine.height, shown.height),
    )
    return all(_side_serves(*side) for side in sides)


def laid_on(mezzanine: Size, laid: Plan, shown: Size) -> Plan:
    """The plan of a variant of the original, with its region where the mezzanine has it.

    All sizes stay: whatever it is made from, the variant is as large as was told.
    """
    if laid.region is None:
        return laid
    left, width = _span(laid.region.left, laid.region.width, mezzanine.width, shown.width)
    top, height = _span(laid.region.top, laid.region.height, mezzanine.height, shown.height)
    return replace(laid, region=Box(left, top, width, height))


def ingest_bytes(original: Original, transforms: Sequence[Transform]) -> int:
    """The memory that a worker is predicted to hold in one `INGEST` call.

    The costliest variant, the decoded picture where it is kept, and the mezzanine.
    """
    size = mezzanine_size(original)
    pixels = size.width * size.height if size else 0
    reduced = (8 + ENCODER_BYTES[mezzanine_format(original)]) * pixels
    kept = min(SHARED_BYTES, 4 * original.width * original.height)
    variants = (render_bytes(transform, original) for transform in transforms)
    return max((original.decode_bytes, *variants)) + kept + reduced


def _side_serves(scaled: int, start: int, length: int, mezzanine: int, shown: int) -> bool:
    if MARGIN * scaled * shown > mezzanine * length:
        return False
    first, kept = _span(start, length, mezzanine, shown)
    exact = ((start, first), (start + length, first + kept))
    moved = max(abs(near * shown - edge * mezzanine) for edge, near in exact)
    return moved * scaled * EDGE_TOLERANCE <= mezzanine * length


def _span(start: int, length: int, mezzanine: int, shown: int) -> tuple[int, int]:
    """Start and length of a stretch of the original on the mezzanine, edge by edge."""
    first, last = (
        (2 * edge * mezzanine + shown) // (2 * shown) for edge in (start, start + length)
    )
    first = min(first, mezzanine - 1)
    return first, max(1, last - first)
