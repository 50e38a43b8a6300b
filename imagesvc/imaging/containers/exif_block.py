"""EXIF as a file holds it: a TIFF of directories alone (CIPA DC-008, Exif 3.0, 4.5)."""

# ruff: noqa: PLR2004 - the numbers are types and sizes that the format lays down
from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from typing import Any

from imagesvc.errors import CorruptImage, ImageTooLarge
from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.found import Data
from imagesvc.imaging.containers.ifd import (
    WHOLE_NUMBERS,
    Entry,
    Layout,
    layout_of,
    read_directory,
    unpack,
)
from imagesvc.imaging.exif import CAMERA_TAGS, PLACE_TAGS, SHOT_TAGS, Tags

PREFIX = b"Exif\0\0"
"""What comes before the block in JPEG, and by mistake elsewhere."""
MAX_BYTES = 1 << 20
"""Of a block that decoders are given; cameras write less than the 64 kB that fit into JPEG."""
MAX_TEXT_BYTES, MAX_NUMBERS = 4096, 16
"""Of one value that is read."""

ORIENTATION, SHOT, PLACE, RELATED = 0x0112, 0x8769, 0x8825, 0xA005
TEXT, UNDEFINED = 2, 7
_SIGNED = {6: "b", 8: "h", 9: "i", 11: "f", 12: "d"}
_RATIONALS = {5: "II", 10: "ii"}
_DAMAGES = (CorruptImage, ImageTooLarge)


def oriented(block: bytes) -> bytes:
    """A block that says the orientation alone, as `block` does; empty where that is damaged."""
    try:
        layout, at = layout_of(block)
        found = [it for it in _entries(block, layout, at) if it.tag == ORIENTATION]
    except _DAMAGES:
        return b""
    value = _value(block, layout, found[0]) if found else None
    if not isinstance(value, int) or not 1 <= value <= 8:
        return b""
    return struct.pack("<2sHIHHHIII", b"II", 42, 8, 1, ORIENTATION, 3, 1, value, 0)


def read_tags(data: Data) -> Tags:
    """The values that are kept; what is damaged is left out, and nothing is raised.

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


def is_simple(block: bytes) -> bool:
    """Whether decoders read the block in a moment: it is short, and no bytes are there twice."""
    if len(block) > MAX_BYTES:
        return False
    budget = Budget(len(block))
    try:
        layout, at = layout_of(block)
    except CorruptImage:
        return True  # they stop here, too
    pending, visited = [at], set()
    try:
        while pending:
            at = pending.pop()
            if at in visited:
                return False
            visited.add(at)
            pending += _following(block, layout, at, budget)
    except ImageTooLarge:
        return False
    return True


def _following(block: bytes, layout: Layout, at: int, budget: Budget) -> Iterable[int]:
    """The directories that a directory points at, which may be none."""
    try:
        entries, following = read_directory(block, layout, at, budget)
    except CorruptImage:
        return ()
    for entry in entries:
        if entry.at + entry.bytes <= len(block):
            budget.read(entry.bytes)
    pointers = [entry for entry in entries if entry.tag in {SHOT, PLACE, RELATED}]
    numbers = [_value(block, layout, entry) for entry in pointers]
    return [it for it in (*numbers, following) if isinstance(it, int) and it]


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
