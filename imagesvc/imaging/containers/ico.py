"""ICO: a directory of icons, each a PNG or a bitmap with a mask (Microsoft, "Icons")."""

# ruff: noqa: PLR2004 - the numbers are offsets and sizes that the format lays down
from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from imagesvc.imaging.containers import bmp
from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.found import (
    Data,
    Found,
    check_count,
    little,
    malformed,
    truncated,
)
from imagesvc.imaging.containers.png import png
from imagesvc.imaging.containers.tidy.png import essential
from imagesvc.imaging.limits import Limits

_HELD_BITS = 128
"""Pillow's picture, with and without the mask, and the copy for libvips."""
_WITHOUT_LIMIT = Limits(1 << 62, 1 << 62, 1 << 62)


@dataclass(frozen=True, slots=True)
class Icon:
    """One entry of the directory; the size is that of its picture, not that in the entry."""

    width: int
    height: int
    depth: int
    picture: bytes

    def alone(self) -> bytes:
        """The icon as a separate file, for a decoder."""
        sides = (side if side < 256 else 0 for side in (self.width, self.height))
        is_png = self.picture.startswith(png.SIGNATURE)
        picture = essential(self.picture) if is_png else self.picture
        entry = struct.pack("<4B2H2I", *sides, 0, 0, 1, self.depth, len(picture), 22)
        return b"\0\0\1\0\1\0" + entry + picture


def walk(data: Data, limits: Limits, budget: Budget) -> Found:
    """Check every icon; the size is that of the largest.

    Raises:
        CorruptImage: an icon lies outside the file, or is malformed itself.
        ImageTooLarge: an icon has too many pixels.
    """
    icon = largest(data, limits, budget)
    return Found(icon.width, icon.height, held_bits=_HELD_BITS)


def largest(data: Data, limits: Limits = _WITHOUT_LIMIT, budget: Budget | None = None) -> Icon:
    """The icon of the most pixels, and of those the one of the most colours.

    Raises:
        CorruptImage, ImageTooLarge: as `walk`.
    """
    budget = budget or Budget(len(data))
    icons = []
    for icon in _icons(data, budget):
        check_count("pixels", icon.width * icon.height, limits.max_pixels)
        if icon.picture.startswith(png.SIGNATURE):
            png.walk(icon.picture, budget)
        icons.append(icon)
    return max(icons, key=lambda icon: (icon.width * icon.height, icon.depth))


def _icons(data: Data, budget: Budget) -> Iterator[Icon]:
    count = little(data, 4, 2)
    if not count:
        raise malformed("ICO", "it has no icon")
    budget.count("icons", count)
    if 6 + 16 * count > len(data):
        raise truncated("ICO", "its directory is cut off")
    for at in range(6, 6 + 16 * count, 16):
        depth, size, start = struct.unpack("<6xH2I", data[at : at + 16])
        if size < 40 or start + size > len(data):
            raise truncated("ICO", f"an icon of {size:,} bytes is cut off")
        budget.read(size)
        picture = data[start : start + size]
        if picture.startswith(png.SIGNATURE):
            width, height = struct.unpack(">II", picture[16:24])
            yield Icon(width, height, depth, picture)
        else:
            yield _bitmap(picture)


def _bitmap(picture: bytes) -> Icon:
    """An icon of two bitmaps under one header: the colours, then a mask of a bit a pixel."""
    header = bmp.read_header("ICO", picture, 0)
    height = header.height // 2
    if not height or header.coding != bmp.PLAIN:
        raise malformed("ICO", f"an icon is {header.width} x {height}, coding {header.coding}")
    needed = little(picture, 0, 4) + header.palette_bytes + header.row_bytes * height
    if header.depth != 32:
        needed += (header.width + 31) // 32 * 4 * height
    if needed > len(picture):
        raise truncated("ICO", f"an icon takes {needed:,} bytes and has {len(picture):,}")
    return Icon(header.width, height, header.depth, picture)
