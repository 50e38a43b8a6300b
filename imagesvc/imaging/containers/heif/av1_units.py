"""AV1: the units of a stream, and the size in its sequence headers (AV1, 5.3 to 5.5)."""

# ruff: noqa: PLR2004 - the numbers are sizes that the format lays down
from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.found import Data

_SEQUENCE_HEADER = 1
FRAME_HEADER, TILES, FRAME = 3, 4, 6
_HEAD_BYTES = 128
"""A sequence header has less."""
Size = tuple[int, int]


class Unit(NamedTuple):
    """Where the content of a unit is."""

    kind: int
    start: int
    end: int


def largest_size(data: Data, at: int, end: int, budget: Budget) -> Size:
    """The largest size that any sequence header between two places has; 0 x 0 without one.

    Raises:
        ImageTooLarge: there are too many units.
    """
    largest = 0, 0
    for unit in units(data, at, end):
        budget.count("units")
        largest = max(largest, size_of(data, unit) or largest, key=lambda size: size[0] * size[1])
    return largest


def units(data: Data, at: int, end: int) -> Iterator[Unit]:
    """The units (OBU) of a stream up to one that is damaged (5.3)."""
    while at < end:
        head = data[at]
        start = at + (2 if head & 4 else 1)
        length = end - start
        if head & 2:
            length, start = _leb128(data, start, end)
        if start + length > end or length < 0:
            return
        yield Unit(head >> 3 & 15, start, start + length)
        at = start + length


def size_of(data: Data, unit: Unit) -> Size | None:
    """The size in a sequence header (5.5.1)."""
    if unit.kind != _SEQUENCE_HEADER:
        return None
    return _frame_size(_Bits(data[unit.start : min(unit.end, unit.start + _HEAD_BYTES)]))


def _leb128(data: Data, at: int, end: int) -> tuple[int, int]:
    """A number of 7 bits a byte, and what follows it (4.10.5)."""
    value = 0
    for place in range(max(0, min(8, end - at))):
        value |= (data[at + place] & 0x7F) << 7 * place
        if not data[at + place] & 0x80:
            return value, at + place + 1
    return end, end


class _Bits:
    """Reads numbers of any width; beyond the end all bits are zero."""

    def __init__(self, content: bytes) -> None:
        self._number = int.from_bytes(content, "big")
        self._left = 8 * len(content)

    def read(self, width: int) -> int:
        """The next number."""
        self._left -= width
        if self._left < 0:
            return 0
        return self._number >> self._left & (1 << width) - 1


def _frame_size(bits: _Bits) -> Size:
    """Read up to the frame size (5.5.1)."""
    bits.read(4)  # profile, still picture
    if bits.read(1):  # reduced
        bits.read(5)
    else:
        _skip_operating_points(bits)
    across, down = bits.read(4) + 1, bits.read(4) + 1
    return bits.read(across) + 1, bits.read(down) + 1


def _skip_operating_points(bits: _Bits) -> None:
    delay_width = 0
    if bits.read(1):  # timing
        bits.read(64)
        if bits.read(1):  # equal intervals
            zeros = 0
            while zeros < 32 and not bits.read(1):
                zeros += 1
            bits.read(zeros)
        if bits.read(1):  # decoder model
            delay_width = bits.read(5) + 1
            bits.read(42)
    has_display_delay = bits.read(1)
    for _ in range(bits.read(5) + 1):
        bits.read(12)
        if bits.read(5) > 7:
            bits.read(1)
        if delay_width and bits.read(1):
            bits.read(2 * delay_width + 1)
        if has_display_delay and bits.read(1):
            bits.read(4)
