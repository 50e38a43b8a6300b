"""PNG: chunks up to IEND (W3C PNG, third edition, section 5)."""

# ruff: noqa: PLR2004 - the numbers are offsets and sizes that the format lays down
from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.exif_block import MAX_BYTES, read_tags
from imagesvc.imaging.containers.found import (
    Data,
    Found,
    big,
    malformed,
    truncated,
)

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples a pixel of each colour type."""
_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
PALETTE = 3
ANCILLARY = 0x20
"""The bit in the first letter of a kind that a picture can do without (5.4)."""
IEND = b"\0\0\0\0IEND\xaeB`\x82"


class Chunk(NamedTuple):
    """Where a chunk is; its check sum is the 4 bytes after its data."""

    kind: bytes
    start: int
    """Of its data."""
    end: int
    """Of its data."""


def walk(data: Data, budget: Budget) -> Found:
    """Check that all chunks of the picture exist; texts and profiles are not read.

    `apng` handles animations.

    Raises:
        CorruptImage: the file ends before the data does, or the header is damaged.
        ImageTooLarge: there are too many chunks.
    """
    found, colour = _header(data)
    seen = set()
    exif = None
    for kind, start, end in chunks(data, 33, budget):
        seen.add(kind)
        if kind == b"IHDR":
            raise malformed("PNG", "it has two IHDR chunks")
        if kind == b"eXIf" and exif is None and end - start <= MAX_BYTES:
            exif = data[start:end]
    if b"IDAT" not in seen:
        raise malformed("PNG", "it has no IDAT chunk")
    if colour == PALETTE and b"PLTE" not in seen:
        raise malformed("PNG", "it has no palette")
    return replace(found, tags=read_tags(exif or b""))


def chunks(data: Data, at: int, budget: Budget) -> Iterator[Chunk]:
    """The chunks from `at` up to IEND, which is not among them.

    Behind the data, one that the picture can do without ends the file when it is cut off.

    Raises:
        CorruptImage: a chunk is cut off, or there is no IEND.
        ImageTooLarge: there are too many.
    """
    has_data = False
    while True:
        head = data[at : at + 8]
        if len(head) < 8:
            raise truncated("PNG", "there is no IEND chunk")
        budget.count("chunks")
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IEND" and at + 12 <= len(data):
            return
        if at + 12 + length > len(data):
            if has_data and kind[0] & ANCILLARY:
                return
            raise truncated("PNG", f"a chunk of {length:,} bytes is cut off")
        has_data |= kind == b"IDAT"
        yield Chunk(kind, at + 8, at + 8 + length)
        at += 12 + length


def _header(data: Data) -> tuple[Found, int]:
    """Read IHDR, always the first chunk; its check sum must be right."""
    head = data[8:33]
    if len(head) < 25:
        raise truncated("PNG", "the IHDR chunk is cut off")
    if head[:8] != b"\0\0\0\x0dIHDR":
        raise malformed("PNG", "it does not start with IHDR")
    if zlib.crc32(head[4:21]) != big(head, 21, 4):
        raise malformed("PNG", "the check sum of IHDR is wrong")
    width, height, depth, colour, compression, filtering, interlace = struct.unpack(
        ">IIBBBBB", head[8:21]
    )
    if not 0 < width < 1 << 31 or not 0 < height < 1 << 31:
        raise malformed("PNG", f"its size is {width} x {height}")
    if depth not in _DEPTHS.get(colour, ()):
        raise malformed("PNG", f"colour type {colour} has no bit depth {depth}")
    if compression or filtering or interlace > 1:
        raise malformed("PNG", "it has an unknown compression, filter or interlace method")
    samples = 4 if colour == PALETTE else _SAMPLES[colour]
    bits = samples * max(8, depth)
    return Found(width, height, held_bits=bits if interlace else 0, row_bits=bits), colour
