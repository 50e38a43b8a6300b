"""BMP: file and bitmap headers (Microsoft, "Bitmap Storage"), and the rows they promise."""

# ruff: noqa: PLR2004 - the numbers are offsets and sizes that the format lays down
from __future__ import annotations

from dataclasses import dataclass

from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.found import (
    Data,
    Found,
    check_count,
    little,
    malformed,
    truncated,
)
from imagesvc.imaging.limits import Limits

FILE_HEADER_BYTES = 14
OS2_HEADER_BYTES = 12
PLAIN, RLE8, RLE4, BIT_FIELDS = range(4)
MAX_RLE_PIXELS = 16_000_000
"""Runs are decoded in Python, at some 10 million pixels a second."""
_RLE_BYTES = 4
"""Bytes a pixel of run-length coding that no sane encoder exceeds."""
_DEPTHS = {
    PLAIN: {1, 4, 8, 16, 24, 32},
    RLE8: {8},
    RLE4: {4},
    BIT_FIELDS: {16, 24, 32},
}
_HELD_BITS = 64
"""Pillow's picture and the copy for libvips, 4 bytes a pixel at most each."""


@dataclass(frozen=True, slots=True)
class Bitmap:
    """A bitmap header, as in BMP files and in icons."""

    width: int
    height: int
    depth: int
    coding: int
    palette_bytes: int
    """Bytes of the palette that follows, or of the colour masks."""

    @property
    def row_bytes(self) -> int:
        """Bytes of a row without run-length coding, padded to whole 32 bits."""
        return (self.width * self.depth + 31) // 32 * 4


def walk(data: Data, limits: Limits, _budget: Budget) -> Found:
    """Check that all rows exist.

    Raises:
        CorruptImage: the file ends too early, or its header is invalid.
        ImageTooLarge: too many pixels, or too many in run-length coding.
    """
    if len(data) < FILE_HEADER_BYTES + OS2_HEADER_BYTES:
        raise truncated("BMP", "the header is cut off")
    bitmap = read_header("BMP", data, FILE_HEADER_BYTES)
    pixels = bitmap.width * bitmap.height
    check_count("pixels", pixels, limits.max_pixels)
    rows_at = little(data, 10, 4)
    if rows_at < FILE_HEADER_BYTES + little(data, FILE_HEADER_BYTES, 4):
        raise malformed("BMP", f"its rows start at {rows_at:,}")
    left = len(data) - rows_at
    if bitmap.coding in (RLE8, RLE4):
        check_count("pixels in run-length coding", pixels, MAX_RLE_PIXELS)
        if left < little(data, FILE_HEADER_BYTES + 20, 4) or left < 2:
            raise truncated("BMP", "its runs are cut off")
        if left > _RLE_BYTES * pixels + 1024:
            raise malformed("BMP", f"it has {left:,} bytes of runs")
    elif left < bitmap.row_bytes * bitmap.height:
        raise truncated("BMP", f"{max(0, left):,} bytes of rows are there")
    return Found(bitmap.width, bitmap.height, held_bits=_HELD_BITS)


def read_header(name: str, data: Data, at: int) -> Bitmap:
    """Read the bitmap header at `at`; the height is without its sign.

    Raises:
        CorruptImage: it is cut off or malformed.
    """
    size = little(data, at, 4)
    if at + size > len(data):
        raise truncated(name, "the header is cut off")
    if size == OS2_HEADER_BYTES:
        width, height, depth = (little(data, at + where, 2) for where in (4, 6, 10))
        coding, colours, entry = PLAIN, 0, 3
    elif size in {40, 52, 56, 64, 108, 124}:
        width, height, depth = (
            little(data, at + 4, 4),
            little(data, at + 8, 4),
            little(data, at + 14, 2),
        )
        height = (1 << 32) - height if height >> 31 else height
        coding, colours, entry = little(data, at + 16, 4), little(data, at + 32, 4), 4
    else:
        raise malformed(name, f"its header has {size:,} bytes")
    if not 0 < width < 1 << 31 or not height:
        raise malformed(name, f"its size is {width:,} x {height:,}")
    if depth not in _DEPTHS.get(coding, ()):
        raise malformed(name, f"coding {coding} has no {depth} bits a pixel")
    if depth > 8:
        palette = 12 if coding == BIT_FIELDS and size == 40 else 0
    else:
        if colours > 1 << depth:
            raise malformed(name, f"it has {colours:,} colours")
        palette = entry * (colours or 1 << depth)
    return Bitmap(width, height, depth, coding, palette)
