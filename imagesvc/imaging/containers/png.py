"""PNG: chunks up to IEND (W3C PNG, third edition, section 5)."""

# ruff: noqa: PLR2004 - the numbers are offsets and sizes that the format lays down
from __future__ import annotations

import struct
import zlib

from imagesvc.imaging.containers.found import (
    Data,
    Found,
    big,
    check_count,
    malformed,
    truncated,
)
from imagesvc.imaging.limits import Limits

MAX_CHUNKS = 500_000
MAX_METADATA_BYTES = 16 << 20
"""Text and profiles, decompressed: decoders keep them all, a byte each for 1032 times as many."""

_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples a pixel of each colour type."""
_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
PALETTE = 3
_COMPRESSED = frozenset({b"zTXt", b"iTXt", b"iCCP"})
_PLAIN = frozenset({b"tEXt", b"eXIf"})
_MAX_RATIO = 1032
"""Deflate makes at most so many bytes of one (zlib, technical notes)."""


def walk(data: Data, limits: Limits) -> Found:
    """Check that all chunks are there, and what the metadata costs.

    Raises:
        CorruptImage: the file ends before IEND, or the header is damaged.
        ImageTooLarge: metadata that would decompress to too much.
    """
    found, colour = _header(data)
    at, count, metadata = 33, 1, 0
    seen = set()
    frames = 1
    while True:
        head = data[at : at + 8]
        if len(head) < 8:
            raise truncated("PNG", "there is no IEND chunk")
        length, kind = struct.unpack(">I4s", head)
        end = at + 12 + length
        if end > len(data):
            raise truncated("PNG", f"a chunk of {length:,} bytes is cut off")
        if kind == b"IEND":
            break
        seen.add(kind)
        if kind == b"IHDR":
            raise malformed("PNG", "it has two IHDR chunks")
        if kind == b"acTL" and length == 8:
            frames = max(1, big(data, at + 8, 4))
        metadata += _metadata_bytes(data, kind, at + 8, length)
        check_count("bytes of metadata", metadata, MAX_METADATA_BYTES)
        count += 1
        check_count("chunks", count, MAX_CHUNKS)
        at = end
    if b"IDAT" not in seen:
        raise malformed("PNG", "it has no IDAT chunk")
    if colour == PALETTE and b"PLTE" not in seen:
        raise malformed("PNG", "it has no palette")
    check_count("frames", frames, limits.max_frames)
    return Found(found.width, found.height, frames, found.held_bits, found.row_bits)


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


def _metadata_bytes(data: Data, kind: bytes, at: int, length: int) -> int:
    """Bytes that the decoder will keep of a chunk of text, profile or EXIF."""
    if kind in _PLAIN:
        return length
    if kind not in _COMPRESSED:
        return 0
    if length * _MAX_RATIO <= MAX_METADATA_BYTES >> 8:
        return length * _MAX_RATIO
    chunk = data[at : at + length]
    name_end = chunk.find(b"\0")
    start = name_end + 2
    if kind == b"iTXt":  # keyword, compression flag and method, language, translated keyword
        if chunk[name_end + 1 : name_end + 2] != b"\1":
            return length
        start = chunk.find(b"\0", chunk.find(b"\0", name_end + 3) + 1) + 1
    return length + _inflated_bytes(chunk[start:])


def _inflated_bytes(packed: bytes) -> int:
    try:
        return len(zlib.decompressobj().decompress(packed, MAX_METADATA_BYTES + 1))
    except zlib.error:
        return 0  # decoders drop it with a warning
