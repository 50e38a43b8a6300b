"""TIFF and BigTIFF: directories and what the first one points at (TIFF 6.0, section 2)."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from imagesvc.imaging.containers.found import (
    Data,
    Found,
    check_count,
    malformed,
    truncated,
)
from imagesvc.imaging.limits import Limits

MAX_ENTRIES = 4096
MAX_PIECES = 1_000_000
"""Strips or tiles of a page."""

WIDTH, HEIGHT, BITS, SAMPLES = 256, 257, 258, 277
STRIP_OFFSETS, STRIP_BYTES, TILE_WIDTH, TILE_HEIGHT = 273, 279, 322, 323
TILE_OFFSETS, TILE_BYTES = 324, 325
_TYPES = {1: "B", 3: "H", 4: "I", 16: "Q"}
"""Field types of whole numbers: BYTE, SHORT, LONG, LONG8."""
_WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_WIDTHS |= {16: 8, 17: 8, 18: 8}

Directory = Mapping[int, tuple[int, ...]]


def walk(data: Data, limits: Limits) -> Found:
    """Check the first page and count the others.

    Raises:
        CorruptImage: a directory, strip or tile lies outside the file, or directories loop.
        ImageTooLarge: too many pages.
    """
    order = "<" if data[:2] == b"II" else ">"
    is_big = data[2:4] in (b"+\0", b"\0+")
    at = _unpack(data, order + ("Q" if is_big else "I"), 8 if is_big else 4)[0]
    first, at = _directory(data, order, at, is_big=is_big)
    pages, visited = 1, set()
    while at:
        if at in visited:
            raise malformed("TIFF", "its pages loop")
        visited.add(at)
        pages += 1
        check_count("frames", pages, limits.max_frames)
        _, at = _directory(data, order, at, is_big=is_big, values=False)
    width, height = _one(first, WIDTH), _one(first, HEIGHT)
    if not width or not height:
        raise malformed("TIFF", f"its size is {width} x {height}")
    _check_pieces(first, len(data))
    bits = max((8, *first.get(BITS, ()))) * max(3, _one(first, SAMPLES, 1))
    return Found(width, height, pages, held_bits=bits)


def _directory(
    data: Data, order: str, at: int, *, is_big: bool, values: bool = True
) -> tuple[Directory, int]:
    """The whole numbers of a directory, and the offset of the next one (0: none)."""
    head, entry, offset = ("Q", "HHQ", "Q") if is_big else ("H", "HHI", "I")
    count = _unpack(data, order + head, at)[0]
    if count > MAX_ENTRIES:
        raise malformed("TIFF", f"a directory has {count:,} entries")
    at += struct.calcsize(order + head)
    size, inline = struct.calcsize(order + entry), struct.calcsize(order + offset)
    found = {}
    for _ in range(count):
        tag, kind, number = _unpack(data, order + entry, at)
        width = _WIDTHS.get(kind, 1)
        where = at + size
        if number * width > inline:
            where = _unpack(data, order + offset, where)[0]
            if where + number * width > len(data):
                raise truncated("TIFF", f"{number:,} values of tag {tag} are cut off")
        if values and kind in _TYPES:
            check_count("strips or tiles", number, MAX_PIECES)
            found[tag] = _unpack(data, f"{order}{number}{_TYPES[kind]}", where)
        at += size + inline
    return found, _unpack(data, order + offset, at)[0]


def _check_pieces(first: Directory, file_bytes: int) -> None:
    """Strips and tiles lie in the file, and there are enough of them."""
    is_tiled = TILE_OFFSETS in first or TILE_WIDTH in first
    offsets = first.get(TILE_OFFSETS if is_tiled else STRIP_OFFSETS, ())
    sizes = first.get(TILE_BYTES if is_tiled else STRIP_BYTES, ())
    if is_tiled and not (_one(first, TILE_WIDTH) and _one(first, TILE_HEIGHT)):
        raise malformed("TIFF", "its tiles have no size")
    if not offsets or len(offsets) != len(sizes):
        raise malformed("TIFF", f"{len(offsets):,} offsets go with {len(sizes):,} sizes")
    for offset, size in zip(offsets, sizes, strict=True):
        if offset + size > file_bytes:
            raise truncated("TIFF", f"{size:,} bytes at {offset:,} are cut off")


def _one(directory: Directory, tag: int, default: int = 0) -> int:
    values = directory.get(tag)
    return values[0] if values else default


def _unpack(data: Data, layout: str, at: int) -> tuple[int, ...]:
    end = at + struct.calcsize(layout)
    if end > len(data):
        raise truncated("TIFF", f"there is nothing at offset {at:,}")
    return struct.unpack(layout, data[at:end])
