"""EXIF without locations: a new block of the tags that cannot name one, or of the orientation.

Only allowed tags are kept. Maker notes, user comments, thumbnails, unknown tags and bytes between
the directories may contain a position in an unknown form.

Source: TIFF 6.0, section 2; CIPA DC-008 (Exif 3.0), tables 4 to 15.
"""

# ruff: noqa: PLR2004 - the numbers are offsets and sizes that the format lays down
from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from imagesvc.imaging.location.text import has_coordinates
from imagesvc.imaging.location.unclear import UnclearError
from imagesvc.imaging.messages import Withheld

MAX_ENTRIES = 1000
MAX_NUMBERS = 8
"""Values of one numeric tag; the allowed ones have six at most."""
MAX_TEXT = 2000
MAX_BLOCK = 60_000
"""Less than the maximum of a JPEG segment."""

ASCII, SHORT, LONG = 2, 3, 4
ORIENTATION, EXIF_POINTER = 0x0112, 0x8769
ROTATED = range(2, 9)
"""The orientations other than upright."""
_WIDTHS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8}

_BINARY = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")

_PICTURE = frozenset(
    {
        0x010E, 0x010F, 0x0110, ORIENTATION, 0x011A, 0x011B, 0x0128, 0x0131, 0x0132, 0x013B,
        0x013E, 0x013F, 0x0211, 0x0213, 0x0214, 0x8298,
    }
)  # fmt: skip
"""Description, make, model, resolution, software, date, artist, colour, copyright."""
_SHOT = frozenset(
    {
        0x829A, 0x829D, 0x8822, 0x8827, 0x8830, 0x8831, 0x8832, 0x9000, 0x9003, 0x9004, 0x9010,
        0x9011, 0x9012, 0x9101, 0x9201, 0x9202, 0x9203, 0x9204, 0x9205, 0x9206, 0x9207, 0x9208,
        0x9209, 0x920A, 0x9290, 0x9291, 0x9292, 0xA000, 0xA001, 0xA002, 0xA003, 0xA20E, 0xA20F,
        0xA210, 0xA217, 0xA300, 0xA301, 0xA401, 0xA402, 0xA403, 0xA404, 0xA405, 0xA406, 0xA407,
        0xA408, 0xA409, 0xA40A, 0xA40C, 0xA432, 0xA433, 0xA434, 0xA500,
    }
)  # fmt: skip
"""Exposure, times, lens, flash, colour space and modes of the camera."""


@dataclass(frozen=True, slots=True)
class _Entry:
    tag: int
    kind: int
    count: int
    value: bytes


def without_places(block: bytes) -> bytes | None:
    """An EXIF block of the tags without a location; None if there are none.

    Args:
        block: from the byte order on.

    Raises:
        UnclearError: it is malformed, or decoders may read it in two ways.
    """
    order = _order(block)
    picture = list(_entries(block, order, _unpack(block, f"{order}I", 4)[0], _PICTURE))
    pointers = [entry for entry in picture if entry.tag == EXIF_POINTER]
    picture = [entry for entry in picture if entry.tag != EXIF_POINTER]
    shot: list[_Entry] = []
    for pointer in pointers:
        shot = list(_entries(block, order, _unpack(pointer.value, f"{order}I", 0)[0], _SHOT))
    if not picture and not shot:
        return None
    made = _written(order, picture, shot)
    if len(made) > MAX_BLOCK:
        raise UnclearError("the EXIF is too long")
    return made


def only_orientation(block: bytes) -> bytes | None:
    """An EXIF block of nothing but the orientation; None if the picture is upright.

    Args:
        block: from the byte order on.

    Raises:
        UnclearError: as `without_places`.
    """
    order = _order(block)
    start = _unpack(block, f"{order}I", 4)[0]
    found = [
        entry
        for entry in _entries(block, order, start, frozenset({ORIENTATION}))
        if struct.unpack(f"{order}H", entry.value)[0] in ROTATED
    ]
    return _written(order, found, []) if found else None


def rewritten(block: bytes, withheld: Withheld) -> bytes | None:
    """The block of a copy; None if it has none."""
    return (without_places if withheld is Withheld.LOCATION else only_orientation)(block)


def _order(block: bytes) -> str:
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None:
        raise UnclearError("the EXIF has no byte order")
    return order


def _entries(block: bytes, order: str, at: int, allowed: frozenset[int]) -> Iterator[_Entry]:
    """The allowed entries of a directory, and the pointer to the other one, by rising tag."""
    count = _unpack(block, f"{order}H", at)[0]
    if count > MAX_ENTRIES:
        raise UnclearError("an EXIF directory has too many entries")
    found: dict[int, _Entry] = {}
    for number in range(count):
        where = at + 2 + 12 * number
        tag, kind, values, offset = _unpack(block, f"{order}HHII", where)
        if tag not in allowed and (tag != EXIF_POINTER or allowed is not _PICTURE):
            continue
        entry = _entry(block, (tag, kind, values), where + 8, offset)
        if tag in found:
            raise UnclearError("an EXIF tag is there twice")
        if entry is not None:
            found[tag] = entry
    yield from sorted(found.values(), key=lambda entry: entry.tag)


def _entry(block: bytes, head: tuple[int, int, int], inline: int, offset: int) -> _Entry | None:
    tag, kind, count = head
    if tag == ORIENTATION and (kind, count) != (SHORT, 1):
        raise UnclearError("the EXIF orientation is no number")
    if tag == EXIF_POINTER and (kind, count) != (LONG, 1):
        raise UnclearError("the EXIF pointer is no offset")
    if kind not in _WIDTHS or count > (MAX_TEXT if kind == ASCII else MAX_NUMBERS):
        return None
    size = _WIDTHS[kind] * count
    start = inline if size <= 4 else offset
    value = block[start : start + size]
    if len(value) < size:
        raise UnclearError("an EXIF value is cut off")
    if kind == ASCII and (_BINARY.search(value.rstrip(b"\0")) or has_coordinates(value)):
        return None  # a wrong length may make other values part of a text
    return _Entry(tag, kind, count, value)


def _written(order: str, picture: list[_Entry], shot: list[_Entry]) -> bytes:
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    if not shot:
        return head + _directory(order, picture, 8)
    pointer = _Entry(EXIF_POINTER, LONG, 1, bytes(4))
    second = 8 + len(_directory(order, [*picture, pointer], 8))
    pointer = _Entry(EXIF_POINTER, LONG, 1, struct.pack(f"{order}I", second))
    first = _directory(order, sorted([*picture, pointer], key=lambda entry: entry.tag), 8)
    return head + first + _directory(order, shot, second)


def _directory(order: str, entries: list[_Entry], at: int) -> bytes:
    """A single directory for position `at`, followed by its values."""
    table = struct.pack(f"{order}H", len(entries))
    values = b""
    start = at + 2 + 12 * len(entries) + 4
    for entry in entries:
        if len(entry.value) <= 4:
            place = entry.value.ljust(4, b"\0")
        else:
            place = struct.pack(f"{order}I", start + len(values))
            values += entry.value + bytes(len(entry.value) & 1)
        table += struct.pack(f"{order}HHI", entry.tag, entry.kind, entry.count) + place
    return table + bytes(4) + values


def _unpack(data: bytes, layout: str, at: int) -> tuple[int, ...]:
    if at + struct.calcsize(layout) > len(data):
        raise UnclearError("the EXIF is cut off")
    return struct.unpack_from(layout, data, at)
