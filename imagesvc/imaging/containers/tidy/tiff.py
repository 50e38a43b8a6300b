"""TIFF whose large metadata has become an unknown tag of one byte."""

from __future__ import annotations

import math
import struct

from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.found import Data, patched
from imagesvc.imaging.containers.tiff.ifd import layout_of, read_directory

LARGE_BYTES = 1 << 20
LARGEST_PROFILE_BYTES = 4 << 20
PROFILE = 34675
FIRST_PRIVATE = 32_768
_METADATA = frozenset({269, 270, 271, 272, 285, 305, 306, 315, 316, 700})
"""Texts and XMP among the tags of TIFF 6.0; private tags are not part of the picture."""
UNKNOWN, BYTE = 65_000, 1
"""The replacement of an entry; decoders skip it."""


def tidied(data: Data, most: int, budget: Budget) -> bytes | None:
    """The file with less metadata; None where that of its first page is at most `most`.

    Offsets stay true, for nothing changes its place.
    """
    layout, at = layout_of(data)
    entries, _ = read_directory(data, layout, at, budget)
    large = [it for it in entries if _most(it.tag) < it.bytes]
    if sum(entry.bytes for entry in entries if _is_metadata(entry.tag)) <= most or not large:
        return None
    row = struct.pack(f"{layout.order}HH{'Q' if layout.is_big else 'I'}", UNKNOWN, BYTE, 1)
    return patched(data, [(entry.row, row) for entry in large])


def _most(tag: int) -> float:
    """Bytes that a decoder may be given of a tag."""
    if not _is_metadata(tag):
        return math.inf
    return LARGEST_PROFILE_BYTES if tag == PROFILE else LARGE_BYTES


def _is_metadata(tag: int) -> bool:
    return tag in _METADATA or tag >= FIRST_PRIVATE
