"""When there is a mezzanine, its size, and the variants that are made from it; no pixels here.

A mezzanine is a reduced copy of a large original, as shown: sRGB, oriented, without metadata. Small
variants made from it look like those made from the original at a fraction of the work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from imagesvc.imaging.cost import MEGA, Cost
from imagesvc.imaging.decoding_cost import decoder_cost
from imagesvc.imaging.render_cost import ENCODER_BYTES, ENCODER_SECONDS
from imagesvc.imaging.transforms.geometry import Box, Plan
from imagesvc.model.formats import Format, Size
from imagesvc.model.images import Mezzanine, Original
from imagesvc.model.transforms import Transform

MIN_PIXELS = 3_000_000
"""Originals up to here are decoded as fast as their mezzanine would be."""
LONGEST_SIDE = 1280
MARGIN = 2
"""A variant is made from a mezzanine of at least so many times its scale."""
EDGE_TOLERANCE = 8
"""A crop's edge may move by an eighth of a pixel of the result, which is not visible."""
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
    """JPEG; lossless WebP where there is alpha.

    The JPEG has quality 90 and chroma at half the resolution, which is all that a variant of at
    most half its size can show. It is decoded in half the time of one with full chroma.
    """
    return Format.WEBP if original.has_alpha else Format.JPEG


def serves(mezzanine: Size, transform: Transform, original: Original, laid: Plan) -> bool:
    """Whether a variant may be made from a mezzanine of this size.

    It may when the mezzanine has at least `MARGIN` times the pixels a side that the variant
    needs of what it shows, and the edges of a crop fall near enough to whole pixels of it. It
    may not with `exact`, nor where single pixels of the original decide (`trim`) or a frame.

    Args:
        mezzanine: its size.
        transform: an effective one.
        original: what it is a mezzanine of.
        laid: the geometry of the variant.
    """
    if transform.exact or transform.trim or transform.frame or original.frames > 1:
        return False
    shown = Size(original.width, original.height)
    region = laid.region or Box(0, 0, shown.width, shown.height)
    sides = (
        (laid.scaled.width, region.left, region.width, mezzanine.width, shown.width),
        (laid.scaled.height, region.top, region.height, mezzanine.height, shown.height),
    )
    return all(_side_serves(*side) for side in sides)


def projected(mezzanine: Size, laid: Plan, shown: Size) -> Plan:
    """The plan of a variant of the original, with its region in the mezzanine.

    All sizes stay: the variant has the announced size from either source.
    """
    if laid.region is None:
        return laid
    left, width = _span(laid.region.left, laid.region.width, mezzanine.width, shown.width)
    top, height = _span(laid.region.top, laid.region.height, mezzanine.height, shown.height)
    return replace(laid, region=Box(left, top, width, height))


def analysis_cost(original: Original, variants: Sequence[Cost]) -> Cost:
    """The predicted cost of one `ANALYSE` call.

    The memory is that of the costliest variant, of the decoded picture if it is kept, and of the
    mezzanine; the time is that of the first decode, of the mezzanine and of each variant.

    Args:
        original: from `planned_mezzanine`.
        variants: the cost of each.
    """
    planned = original.mezzanine
    pixels = planned.width * planned.height if planned else 0
    kind = mezzanine_format(original)
    reduced = (8 + ENCODER_BYTES[kind]) * pixels
    kept = min(SHARED_BYTES, 4 * original.width * original.height)
    first = decoder_cost(original, Transform(format=Format.JPEG))
    return Cost(
        max(first.memory, *(it.memory for it in variants), 0) + kept + reduced,
        first.seconds + ENCODER_SECONDS[kind] * pixels / MEGA + sum(it.seconds for it in variants),
    )


def planned_mezzanine(original: Original) -> Original:
    """The original as it will be once its first job has made its mezzanine, if it gets one."""
    size = mezzanine_size(original)
    if size is None:
        return original
    kind = mezzanine_format(original)
    planned = Mezzanine(original.digest, kind, size.width, size.height, original.own_name)
    return replace(original, mezzanine=planned)


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
