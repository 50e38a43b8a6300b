"""Sizes and positions of a transform, in whole pixels; no pixels are touched here.

Everything is exact integer arithmetic, so that a size can be told before it is rendered. Sides
that a ratio decides are rounded half up and never fall below 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from imagesvc.errors import InvalidTransform
from imagesvc.imaging.transforms.values import POINT_UNITS, focal_point
from imagesvc.model.formats import Size
from imagesvc.model.transforms import Region, Transform

QUARTER, TURN = 90, 360
GRID = 1e-6
"""Sines that are off by their last bit must not add a pixel."""


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

    Of the original as shown, `region` is scaled to `scaled`, of which `crop` is kept. Turned, it
    measures `turned`, and is put on a canvas of the size of `pad` with its top left corner at
    `(pad.left, pad.top)`. With a gravity that looks at pixels, `crop` says only how much is kept.
    """

    region: Box | None
    scaled: Size
    crop: Box | None
    turned: Size
    pad: Box | None
    output: Size


def predicted_size(transform: Transform, laid: Plan) -> Size | None:
    """The exact size of a variant that is made by a plan.

    Returns:
        None with `trim`: how much is cut only the pixels say.
    """
    return None if transform.trim else laid.output


def plan(transform: Transform, width: int, height: int, trimmed: Box | None = None) -> Plan:
    """Lay out the steps of a transform for an original of `width` x `height`, as shown.

    - `crop` makes its region, clamped to the picture, the picture.
    - One side given: the other follows the ratio.
    - `inside`: the largest picture of the same ratio that fits the box.
    - `cover`: the smallest of the same ratio that covers the box, then cropped to it.
    - `fill`: stretched to the box.
    - `pad`: as `inside`, then padded to exactly the box.

    Without `enlarge` no side is ever scaled up: `inside` keeps a picture smaller than the box as
    it is, `cover` crops each side only where it exceeds the box (the result may be smaller than
    the box), `fill` stretches only the sides that exceed it, and `pad` still pads to the box.
    Quarter turns come after, and swap the sides of the result, box and all. Any other angle
    grows the picture to what holds it whole, and the box of `pad` where it is too small for that.

    Args:
        transform: its `trim` is not looked at.
        width: of the original.
        height: of the original.
        trimmed: what trimming left, instead of the region of `crop`.

    Raises:
        InvalidTransform: `crop` lies outside of the picture.
    """
    shown = Size(width, height)
    region = trimmed or cut_region(transform.crop, shown)
    if region == Box(0, 0, width, height):
        region = None
    scaled = scaled_size(transform, Size(region.width, region.height) if region else shown)
    kept, crop, pad = scaled, None, None
    if transform.fit == "cover" and transform.w and transform.h:
        kept = Size(min(scaled.width, transform.w), min(scaled.height, transform.h))
        if kept != scaled:
            left, top = _keep(transform.gravity, scaled, kept)
            crop = Box(left, top, kept.width, kept.height)
    output = turned = turned_size(kept, transform.rotate)
    if transform.fit == "pad" and transform.w and transform.h:
        output = _canvas(transform, turned)
        if output != turned:
            left, top = _put(transform.gravity, output, turned)
            pad = Box(left, top, output.width, output.height)
    return Plan(region, scaled, crop, turned, pad, output)


def cut_region(crop: Region | None, shown: Size) -> Box | None:
    """The pixels of a region of a picture: clamped to it, and at least one.

    Fractions are rounded edge by edge, half up, so that regions that meet have no gap.

    Raises:
        InvalidTransform: the region lies outside of the picture.
    """
    if crop is None:
        return None
    left, right = _span(crop.x, crop.w, shown.width, is_fraction=crop.is_fraction)
    top, bottom = _span(crop.y, crop.h, shown.height, is_fraction=crop.is_fraction)
    if left >= right or top >= bottom:
        message = f"must touch the picture of {shown.width} x {shown.height} pixels"
        raise InvalidTransform(f"crop {message}, not {crop}.", fields=(("crop", message),))
    return Box(left, top, right - left, bottom - top)


def turned_size(size: Size, degrees: float) -> Size:
    """The size of the smallest picture that contains one of `size` turned by any angle."""
    if degrees % QUARTER == 0:
        return Size(size.height, size.width) if degrees % (2 * QUARTER) else size
    cos, sin = abs(math.cos(math.radians(degrees))), abs(math.sin(math.radians(degrees)))
    return Size(
        math.ceil(size.width * cos + size.height * sin - GRID),
        math.ceil(size.width * sin + size.height * cos - GRID),
    )


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


def _leading_side(transform: Transform, size: Size) -> tuple[int, int]:
    """The side that determines the scale: wanted and actual."""
    w, h = transform.w, transform.h
    if w and h:
        wider_than_box = size.width * h > w * size.height
        by_width = wider_than_box != (transform.fit == "cover")
        return (w, size.width) if by_width else (h, size.height)
    if h:
        return h, size.height
    return w or size.width, size.width


def _ratio(side: int, numerator: int, denominator: int) -> int:
    return max(1, _half_up(side * numerator, denominator))


def _span(start: int, length: int, side: int, *, is_fraction: bool) -> tuple[int, int]:
    """First pixel and last but one of a region, along one side."""
    if not is_fraction:
        return start, min(start + length, side)
    first = _half_up(start * side, Region.MILLION)
    last = _half_up((start + length) * side, Region.MILLION)
    if last <= first:
        first = min(first, side - 1)
        last = first + 1
    return first, last


def _half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


def _canvas(transform: Transform, turned: Size) -> Size:
    box = Size(transform.w or 0, transform.h or 0)
    if transform.rotate % QUARTER == 0:
        return turned_size(box, transform.rotate)
    return Size(max(box.width, turned.width), max(box.height, turned.height))


def _keep(gravity: str, outer: Size, inner: Size) -> tuple[int, int]:
    """The position of the kept part in a picture.

    A focal point is as near its middle as possible.
    """
    point = focal_point(gravity)
    if point is None:
        return place(gravity, outer, inner)
    return (
        _around(point[0], outer.width, inner.width),
        _around(point[1], outer.height, inner.height),
    )


def _around(point: int, outer: int, inner: int) -> int:
    start = (2 * point * outer - inner * POINT_UNITS) // (2 * POINT_UNITS)
    return max(0, min(start, outer - inner))


def _put(gravity: str, outer: Size, inner: Size) -> tuple[int, int]:
    """The position of a picture on a canvas: a focal point distributes the margins."""
    point = focal_point(gravity)
    if point is None:
        return place(gravity, outer, inner)
    return (
        point[0] * (outer.width - inner.width) // POINT_UNITS,
        point[1] * (outer.height - inner.height) // POINT_UNITS,
    )


def place(gravity: str, outer: Size, inner: Size) -> tuple[int, int]:
    """The position of `inner` in `outer`; odd margins give the spare pixel to right and bottom."""
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
