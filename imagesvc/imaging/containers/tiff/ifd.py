"""Directories of TIFF and of EXIF (TIFF 6.0, section 2; BigTIFF; Exif 3.0, 4.6.2)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.found import Data, malformed, truncated

NAME = "TIFF"
MAX_ENTRIES = 1000
"""Of one directory. Cameras write 100; libtiff takes 40 ms for 1,000 of them, 0.6 s for 4,000."""

ORDERS = {b"II": "<", b"MM": ">"}
BIG, CLASSIC = 43, 42
WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
WIDTHS |= {16: 8, 17: 8, 18: 8}
"""Bytes of one value of each type."""
WHOLE_NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
"""BYTE, SHORT, LONG, IFD, LONG8, IFD8."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How numbers and offsets are written in a file."""

    order: str
    """Of bytes, as `struct` has it."""
    is_big: bool

    @property
    def offset(self) -> str:
        """An offset, as `struct` has it."""
        return self.order + ("Q" if self.is_big else "I")


class Entry(NamedTuple):
    """One entry of a directory."""

    tag: int
    kind: int
    number: int
    """Of values."""
    at: int
    """Where its values start, in the entry itself or elsewhere."""
    row: int
    """Where it starts itself, with its tag, type and number of values."""

    @property
    def bytes(self) -> int:
        """The size of its values."""
        return self.number * WIDTHS.get(self.kind, 1)


def layout_of(data: Data) -> tuple[Layout, int]:
    """How a file is written, and where its first directory is.

    Raises:
        CorruptImage: it does not start as TIFF does, or is cut off.
    """
    order = ORDERS.get(data[:2])
    if order is None:
        raise malformed(NAME, "it names no order of bytes")
    version = unpack(data, order + "H", 2)[0]
    if version not in {BIG, CLASSIC}:
        raise malformed(NAME, f"its version is {version}")
    layout = Layout(order, is_big=version == BIG)
    return layout, unpack(data, layout.offset, 8 if layout.is_big else 4)[0]


def read_directory(data: Data, layout: Layout, at: int, budget: Budget) -> tuple[list[Entry], int]:
    """The entries of a directory, and where the next one is (0: none).

    Where values lie is not checked.

    Raises:
        CorruptImage: it is cut off, or has too many entries.
        ImageTooLarge: all directories of the file together have too many.
    """
    head, row = ("Q", "HHQ8s") if layout.is_big else ("H", "HHI4s")
    count = unpack(data, layout.order + head, at)[0]
    if count > MAX_ENTRIES:
        raise malformed(NAME, f"a directory has {count:,} entries")
    budget.count("directory entries", count + 1)
    at += struct.calcsize(layout.order + head)
    size = struct.calcsize(layout.order + row)
    inline = size - struct.calcsize(layout.order + row[:3])
    end = at + count * size
    following = unpack(data, layout.offset, end)[0]
    entries = []
    rows = struct.iter_unpack(layout.order + row, data[at:end])
    for where, (tag, kind, number, value) in zip(range(at, end, size), rows, strict=True):
        start = where + size - inline
        if number * WIDTHS.get(kind, 1) > inline:
            start = struct.unpack(layout.offset, value)[0]
        entries.append(Entry(tag, kind, number, start, where))
    return entries, following


def whole_numbers(data: Data, layout: Layout, entry: Entry) -> tuple[int, ...]:
    """The values of an entry; None if they are not whole numbers.

    Raises:
        CorruptImage: they lie outside the file.
    """
    kind = WHOLE_NUMBERS.get(entry.kind)
    return () if kind is None else unpack(data, f"{layout.order}{entry.number}{kind}", entry.at)


def unpack(data: Data, layout: str, at: int) -> tuple[int, ...]:
    """Read numbers at an offset.

    Raises:
        CorruptImage: they lie outside the file.
    """
    end = at + struct.calcsize(layout)
    if end > len(data):
        raise truncated(NAME, f"there is nothing at offset {at:,}")
    return struct.unpack(layout, data[at:end])
