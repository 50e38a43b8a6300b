"""EXIF in a file: a TIFF of directories only (CIPA DC-008, Exif 3.0, 4.5)."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from typing import Any

from imagesvc.errors import CorruptImage, ImageTooLarge
from imagesvc.imaging.analysis.exif import CAMERA_TAGS, PLACE_TAGS, SHOT_TAGS, Tags
from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.found import Data
from imagesvc.imaging.containers.tiff.ifd import (
    WHOLE_NUMBERS,
    Entry,
    Layout,
    layout_of,
    read_directory,
    unpack,
)

PREFIX = b"Exif\0\0"
"""The prefix of the block in JPEG, and by mistake elsewhere."""
MAX_BYTES = 1 << 20
"""Of a block that decoders are given; cameras write less than the 64 kB that fit into JPEG."""
MAX_TEXT_BYTES, MAX_NUMBERS = 4096, 16
"""Of one value that is read."""

SHOT, PLACE = 0x8769, 0x8825
TEXT, UNDEFINED = 2, 7
_SIGNED = {6: "b", 8: "h", 9: "i", 11: "f", 12: "d"}
_RATIONALS = {5: "II", 10: "ii"}
_DAMAGES = (CorruptImage, ImageTooLarge)


def read_tags(data: Data) -> Tags:
    """The values of the kept tags; damaged ones are left out, and nothing is raised.

    Args:
        data: the block without `PREFIX`, or a whole TIFF file.
    """
    try:
        layout, at = layout_of(data)
        first = _entries(data, layout, at)
    except _DAMAGES:
        return Tags()
    return Tags(
        _values(data, layout, first, CAMERA_TAGS),
        _values(data, layout, _pointed(data, layout, first, SHOT), SHOT_TAGS),
        _values(data, layout, _pointed(data, layout, first, PLACE), PLACE_TAGS),
    )


def _entries(data: Data, layout: Layout, at: int) -> list[Entry]:
    return read_directory(data, layout, at, Budget(0))[0]


def _pointed(data: Data, layout: Layout, entries: Iterable[Entry], pointer: int) -> list[Entry]:
    """The entries of the directory that an entry points at."""
    found = {entry.tag: entry for entry in entries}.get(pointer)
    at = None if found is None else _value(data, layout, found)
    try:
        return _entries(data, layout, at) if isinstance(at, int) else []
    except _DAMAGES:
        return []


def _values(
    data: Data, layout: Layout, entries: Iterable[Entry], wanted: frozenset[int]
) -> dict[int, Any]:
    found = {e.tag: _value(data, layout, e) for e in entries if e.tag in wanted}
    return {tag: value for tag, value in found.items() if value is not None}


def _value(data: Data, layout: Layout, entry: Entry) -> Any:
    """Text, bytes, a number, or numbers if there are several; None where they are damaged."""
    if entry.at + entry.bytes > len(data) or not entry.number:
        return None
    if entry.kind in {1, TEXT, UNDEFINED}:
        content = data[entry.at : entry.at + min(entry.number, MAX_TEXT_BYTES)]
        return content.removesuffix(b"\0").decode("latin-1") if entry.kind == TEXT else content
    numbers = _numbers(data, layout, entry)
    return numbers[0] if len(numbers) == 1 else numbers or None


def _numbers(data: Data, layout: Layout, entry: Entry) -> tuple[float, ...]:
    number = min(entry.number, MAX_NUMBERS)
    if entry.kind in _RATIONALS:
        pair = struct.Struct(layout.order + _RATIONALS[entry.kind])
        pairs = pair.iter_unpack(data[entry.at : entry.at + pair.size * number])
        return tuple(up / down if down else math.nan for up, down in pairs)
    kind = WHOLE_NUMBERS.get(entry.kind) or _SIGNED.get(entry.kind)
    return () if kind is None else unpack(data, f"{layout.order}{number}{kind}", entry.at)
