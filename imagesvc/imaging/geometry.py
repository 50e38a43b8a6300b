"""Sizes and positions of a transform, in whole pixels; no pixels are touched here.

Everything is exact integer arithmetic, so that a size can be told before it is rendered. Sides
that a ratio decides are rounded half up and never fall below 1.
"""

from __future__ import annotations

from dataclasses import dataclass

from imagesvc.model import Size, Transform

QUARTER_TURNS = frozenset({90, 270})
MAX_JPEG_SHRINK = 8


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of pixels: where it starts and how large it is."""

    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The geometry of one rendering, in the order of its steps.

    The picture is scaled to `scaled`, of which `crop` is kept; after turning, it is put on a
    canvas of the size of `pad` with its top left corner at `(pad.left, pad.top)`.
    """

    scaled: Size
    crop: Box | None
    pad: Box | None
    output: Size


def predicted_size(transform: Transform, width: int, height: int) -> Size:
    """The exact size of a variant of an original of `width` x `height`, as shown.

    - One side given: the other follows the ratio.
    - `inside`: the largest picture of the same ratio that fits the box.
    - `cover`: the smallest of the same ratio that covers the box, then cropped to it.
    - `fill`: stretched to the box.
    - `pad`: as `inside`, then padded to exactly the box.

    Without `enlarge` no side is ever scaled up: `inside` keeps a picture smaller than the box as
    it is, `cover` crops each side only where it exceeds the box (the result may be smaller than
    the box), `fill` stretches only the sides that exceed it, and `pad` still pads to the box.
    Quarter turns come after, and swap the sides of the result, box and all.
    """
    return plan(transform, width, height).output


def plan(transform: Transform, width: int, height: int) -> Plan:
    """Lay out the steps of a transform for an original of `width` x `height`, as shown."""
    scaled = scaled_size(transform, Size(width, height))
    kept, crop, pad = scaled, None, None
    if transform.fit == "cover" and transform.w and transform.h:
        kept = Size(min(scaled.width, transform.w), min(scaled.height, transform.h))
        if kept != scaled:
            left, top = _place(transform.gravity, scaled, kept)
            crop = Box(left, top, kept.width, kept.height)
    turned = _turned(kept, transform.rotate)
    output = turned
    if transform.fit == "pad" and transform.w and transform.h:
        output = _turned(Size(transform.w, transform.h), transform.rotate)
        if output != turned:
            left, top = _place(transform.gravity, output, turned)
            pad = Box(left, top, output.width, output.height)
    return Plan(scaled, crop, pad, output)


def scaled_size(transform: Transform, size: Size) -> Size:
    """The size after scaling, before any crop, turn or padding."""
    w, h = transform.w, transform.h
    if transform.fit == "fill" and w and h:
        if transform.enlarge:
            return Size(w, h)
        return Size(min(w, size.width), min(h, size.height))
    wanted, side = _leading_side(transform, size)
    if wanted >= side and not transform.enlarge:
        return size
    return Size(_ratio(size.width, wanted, side), _ratio(size.height, wanted, side))


def jpeg_shrink(stored: Size, target: Size) -> int:
    """The factor by which libjpeg may shrink while decoding, much faster than a resize after.

    Block shrinking adds sharpness, so at least a factor of two is left to the resize.

    Args:
        stored: size in the file, in pixels.
        target: size wanted, in the same orientation.

    Returns:
        1, 2, 4 or 8.

    Source: `vips_thumbnail_find_jpegshrink` in libvips.
    """
    factor = min(stored.width // target.width, stored.height // target.height)
    shrink = 1
    while shrink < MAX_JPEG_SHRINK and factor >= 4 * shrink:
        shrink *= 2
    return shrink


def _leading_side(transform: Transform, size: Size) -> tuple[int, int]:
    """The side that decides the scale: as wanted, and as it is."""
    w, h = transform.w, transform.h
    if w and h:
        wider_than_box = size.width * h > w * size.height
        by_width = wider_than_box != (transform.fit == "cover")
        return (w, size.width) if by_width else (h, size.height)
    if h:
        return h, size.height
    return w or size.width, size.width


def _ratio(side: int, numerator: int, denominator: int) -> int:
    return max(1, (2 * side * numerator + denominator) // (2 * denominator))


def _turned(size: Size, degrees: int) -> Size:
    return Size(size.height, size.width) if degrees in QUARTER_TURNS else size


def _place(gravity: str, outer: Size, inner: Size) -> tuple[int, int]:
    """Where `inner` stands in `outer`; odd margins give the spare pixel to right and bottom."""
    left, top = (outer.width - inner.width) // 2, (outer.height - inner.height) // 2
    if "west" in gravity:
        left = 0
    elif "east" in gravity:
        left = outer.width - inner.width
    if "north" in gravity:
        top = 0
    elif "south" in gravity:
        top = outer.height - inner.height
    return left, top
