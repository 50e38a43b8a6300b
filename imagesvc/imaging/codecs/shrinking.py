"""The shrinking of a JPEG decoder, and the position of regions in its output.

Regions are those of the picture as shown; files are stored in one of eight orientations.
"""

from __future__ import annotations

from imagesvc.imaging.transforms.geometry import Box
from imagesvc.model.formats import Size

SIDEWAYS = frozenset({5, 6, 7, 8})
"""EXIF orientations that swap width and height."""
MIRRORED_X = frozenset({2, 3, 7, 8})
MIRRORED_Y = frozenset({3, 4, 6, 7})
"""Orientations that start at the right, or at the bottom, of the stored picture."""
UNDONE = {6: 8, 8: 6}
"""Orientations with another inverse; the others are their own inverse."""

MAX_JPEG_SHRINK = 8
EDGE_TOLERANCE = 8
"""An edge may move by an eighth of a pixel of the result, which is not visible."""


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


def region_shrink(region: Box, stored: Size, target: Size) -> tuple[int, Box]:
    """The factor for a region, and the region in the shrunk picture.

    A shrunk picture has an eighth of the positions where a region can start. The factor is the
    largest that moves no edge by more than 1 / `EDGE_TOLERANCE` of a pixel of the result.

    Args:
        region: in the stored picture.
        stored: size in the file.
        target: size wanted of the region, in the same orientation.
    """
    shrink = jpeg_shrink(Size(region.width, region.height), target)
    while shrink > 1:
        across = _shrunk_span(region.left, region.width, stored.width, target.width, shrink)
        down = _shrunk_span(region.top, region.height, stored.height, target.height, shrink)
        if across and down:
            return shrink, Box(across[0], down[0], across[1], down[1])
        shrink //= 2
    return 1, region


def stored_box(region: Box, stored: Size, orientation: int) -> Box:
    """The position of a region of the picture as shown in the picture as stored.

    Source: EXIF 2.32, tag 274.
    """
    left, top, width, height = region.left, region.top, region.width, region.height
    if orientation in SIDEWAYS:
        left, top, width, height = top, left, height, width
    if orientation in MIRRORED_X:
        left = stored.width - left - width
    if orientation in MIRRORED_Y:
        top = stored.height - top - height
    return Box(left, top, width, height)


def shown_box(region: Box, shown: Size, orientation: int) -> Box:
    """The position of a region of the picture as stored in the picture as shown."""
    return stored_box(region, shown, UNDONE.get(orientation, orientation))


def _shrunk_span(
    start: int, length: int, side: int, wanted: int, shrink: int
) -> tuple[int, int] | None:
    """Start and length in the shrunk picture; None when an edge would move too far."""
    edges = []
    for edge in (start, start + length):
        # libvips leaves out what is left of a block at the end.
        near = min((2 * edge + shrink) // (2 * shrink), side // shrink)
        if abs(near * shrink - edge) * wanted * EDGE_TOLERANCE > length:
            return None
        edges.append(near)
    return edges[0], edges[1] - edges[0]
