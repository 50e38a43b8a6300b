"""AV1 in AVIF: the size that a stream is coded in, beside the one that its item claims.

A layered picture may claim the size of a smaller layer than the largest, which libheif decodes all
the same, and then refuses.
"""

# ruff: noqa: PLR2004 - the numbers are sizes that the format lays down
from __future__ import annotations

from imagesvc.errors import UnsupportedMediaType
from imagesvc.imaging.containers.boxes import boxes
from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.found import Data, big
from imagesvc.imaging.containers.heif_colour import numbers, parts
from imagesvc.imaging.containers.heif_items import NEEDED, extents

NAME = "AVIF"
_SEQUENCE_HEADER = 1
_MAX_UNITS = 4
_HEAD_BYTES = 128
"""A sequence header has less."""
Size = tuple[int, int]


def check_sizes(data: Data, budget: Budget) -> None:
    """Check that the primary picture, or the first that it is joined of, is coded as it claims.

    Raises:
        UnsupportedMediaType: it is coded in another size.
        CorruptImage, ImageTooLarge: as `boxes`.
    """
    for kind, start, end in boxes(NAME, data, 0, len(data), budget, NEEDED):
        if kind != b"meta":
            continue
        inner = {it: [at, to] for it, at, to in boxes(NAME, data, start + 4, end, budget)}
        at, to = inner.get(b"pitm", [0, 0])
        if to - at < 6:
            return
        primary = big(data, at + 4, 4 if data[at] else 2)
        place = inner.get(b"iref")
        items = [primary, *parts(data, (place[0], place[1]) if place else None, primary, budget)]
        claimed = _claimed(data, inner, items, budget)
        for item, pieces in extents(data, inner, set(items), budget).items():
            coded = _coded(data, *pieces[0]) if pieces else None
            if coded and item in claimed and coded != claimed[item]:
                wanted = "{} x {}".format(*claimed[item])
                raise UnsupportedMediaType(
                    f"The AVIF file shows a layer of {wanted} pixels of a picture of "
                    f"{coded[0]} x {coded[1]}; only the largest layer is taken."
                )
        return


def _claimed(
    data: Data, inner: dict[bytes, list[int]], items: list[int], budget: Budget
) -> dict[int, Size]:
    """The size that each item claims (`ispe`)."""
    start, end = inner.get(b"iprp", [0, 0])
    lists = list(boxes(NAME, data, start, end, budget))
    listed = [it for k, at, to in lists if k == b"ipco" for it in boxes(NAME, data, at, to, budget)]
    found = {}
    for place in ((at, to) for kind, at, to in lists if kind == b"ipma"):
        for item in items:
            for number in numbers(data, place, item, budget):
                kind, at, to = listed[number - 1] if 0 < number <= len(listed) else (b"", 0, 0)
                if kind == b"ispe" and to - at >= 12:
                    found[item] = big(data, at + 4, 4), big(data, at + 8, 4)
    return found


def _coded(data: Data, at: int, size: int) -> Size | None:
    """The largest size of a frame, as the sequence header says (AV1, 5.3 to 5.5)."""
    end = at + size
    for _ in range(_MAX_UNITS):
        if at + 2 > end or not data[at] & 2:
            return None
        kind = data[at] >> 3 & 15
        at += 2 if data[at] & 4 else 1
        length, at = _leb128(data, at, end)
        if kind == _SEQUENCE_HEADER:
            return _frame_size(_Bits(data[at : at + min(length, _HEAD_BYTES)]))
        at += length
    return None


def _leb128(data: Data, at: int, end: int) -> tuple[int, int]:
    """A number of 7 bits a byte, and what follows it (4.10.5)."""
    value = 0
    for place in range(min(8, end - at)):
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
