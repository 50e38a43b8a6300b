"""The code stream of JPEG 2000 behind its size (ITU-T T.800, annex A): where decoders stop."""

# ruff: noqa: PLR2004 - the numbers are offsets and sizes that the format lays down
from __future__ import annotations

from collections.abc import Callable, Mapping

from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.found import Data, big, malformed, truncated

NAME = "JPEG 2000"
SOT, SOD, EOC, COD, QCD = 0xFF90, 0xFF93, 0xFFD9, 0xFF52, 0xFF5C
_NAMES = {COD: "COD", QCD: "QCD"}
_SOT_BYTES = 12
_LEAST_PART = 14
"""SOT and SOD."""
_EMPTY_PART = 12
"""The length that some encoders give a part without data; decoders skip it."""


def check_parts(data: Data, at: int, tiles: int, budget: Budget) -> None:
    """Step over the main header and each part of a tile up to EOC (A.4).

    Args:
        data: the file.
        at: where the segment behind SIZ starts.
        tiles: how many there are.
        budget: for segments and parts.

    Raises:
        CorruptImage: the stream is cut off, or a segment is invalid.
        ImageTooLarge: there are too many segments or parts.
    """
    at = _main_header(data, at, budget)
    parts: dict[int, int] = {}
    while True:
        marker = _marker(data, at)
        if marker == EOC:
            return
        if marker != SOT:
            raise malformed(NAME, "there is no part of a tile where one must be")
        budget.count("parts of tiles")
        size = _part(data, at, tiles, parts)
        if size == 0:  # the last one, up to EOC
            if data.find(b"\xff\xd9", at) < 0:
                raise truncated(NAME, "there is no end of code stream")
            return
        _check_within(data, at, size)
        if size >= _LEAST_PART:
            _check_start(data, at + _SOT_BYTES, at + size, budget)
        at += size


def _main_header(data: Data, at: int, budget: Budget) -> int:
    """Step over the main header; where the first part starts."""
    missing = set(_CHECKS)
    while True:
        marker = _marker(data, at)
        if marker == SOT:
            break
        if marker == EOC:
            raise malformed(NAME, "it has no tile")
        budget.count("segments")
        size = 2 + big(data, at + 2, 2)
        _check_within(data, at, size)
        missing.discard(marker)
        if marker in _CHECKS and not _CHECKS[marker](data[at + 4 : at + size]):
            raise malformed(NAME, f"its {_NAMES[marker]} segment is invalid")
        at += size
    if missing:
        raise malformed(NAME, f"it has no {_NAMES[min(missing)]} segment")
    return at


def _marker(data: Data, at: int) -> int:
    head = data[at : at + 4]
    marker = big(head, 0, 2)
    if len(head) < 2:
        raise truncated(NAME, "there is no end of code stream")
    if marker < 0xFF00 or (len(head) < 4 and marker != EOC):
        raise malformed(NAME, "there is no marker where one must be")
    return marker


def _check_within(data: Data, at: int, size: int) -> None:
    if size < 4 or at + size > len(data):
        raise truncated(NAME, f"a part of {size:,} bytes is cut off")


def _part(data: Data, at: int, tiles: int, parts: dict[int, int]) -> int:
    """The length of a part in SOT (A.4.2); 0 for the last one."""
    head = data[at + 2 : at + _SOT_BYTES]
    if len(head) < 10 or big(head, 0, 2) != 10:
        raise malformed(NAME, "a part has no header")
    tile, size, number, count = big(head, 2, 2), big(head, 4, 4), head[8], head[9]
    if tile >= tiles or number != parts.get(tile, 0) & 0xFF or (count and number >= count):
        raise malformed(NAME, f"part {number} of tile {tile} is out of order")
    if 0 < size < _LEAST_PART and size != _EMPTY_PART:
        raise malformed(NAME, f"a part has {size} bytes")
    parts[tile] = parts.get(tile, 0) + 1
    return size


def _check_start(data: Data, at: int, end: int, budget: Budget) -> None:
    """Check that the segments of a part end with SOD."""
    while at + 2 <= end:
        marker = big(data, at, 2)
        if marker == SOD:
            return
        if marker < 0xFF00 or at + 4 > end:
            break
        budget.count("parts of tiles")
        at += 2 + max(2, big(data, at + 2, 2))
    raise malformed(NAME, "a part of a tile has no data")


def _is_coding(content: bytes) -> bool:
    """Whether OpenJPEG continues after a COD segment (A.6.1)."""
    if len(content) < 10:
        return False
    style, order, layers, mixes = content[0], content[1], big(content, 2, 2), content[4]
    levels, width, height, coding, wavelet = content[5:10]
    has_sizes = style & 1
    precincts = content[10:]
    return (
        style <= 7
        and order <= 4
        and layers > 0
        and mixes <= 1
        and levels <= 32
        and width <= 8
        and height <= 8
        and width + height <= 8
        and not coding & 0x80
        and wavelet <= 1
        and len(precincts) == (levels + 1 if has_sizes else 0)
        and all(it & 15 and it >> 4 for it in precincts[1:])
    )


def _is_quantization(content: bytes) -> bool:
    """Whether OpenJPEG continues after a QCD segment (A.6.4)."""
    kind = content[0] & 31 if content else 0
    if kind == 0:
        return bool(content)
    return len(content) == 3 if kind == 1 else len(content) % 2 == 1


_CHECKS: Mapping[int, Callable[[bytes], bool]] = {COD: _is_coding, QCD: _is_quantization}
