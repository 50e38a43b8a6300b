"""WebP: RIFF chunks (RFC 9649)."""

# ruff: noqa: PLR2004 - the numbers are offsets and sizes that the format lays down
from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.exif_block import MAX_BYTES, PREFIX, read_tags
from imagesvc.imaging.containers.found import (
    Data,
    Found,
    check_count,
    little,
    malformed,
    truncated,
)
from imagesvc.imaging.limits import Limits

_HELD_BITS = 64
"""The decoded picture, 4 bytes a pixel, and about as much of libwebp's own."""
_HELD_FRAME_BITS = 48
"""The same a frame of an animation: libvips keeps them all."""


_FRAME_HEAD, _STREAM_HEAD = 16, 10
PICTURE = frozenset({b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF"})
_PIXELS = frozenset({b"VP8 ", b"VP8L", b"ANMF"})


class Chunk(NamedTuple):
    """Where the data of a chunk is."""

    kind: bytes
    start: int
    end: int


def walk(data: Data, limits: Limits, budget: Budget) -> Found:
    """Check that all chunks exist, and count the frames.

    Raises:
        CorruptImage: the file is shorter than it says, or has no picture.
        ImageTooLarge: too many frames.
    """
    frames, size, exif = 0, None, None
    for kind, start, end in chunks(data, budget):
        _check_streams(data, kind, start, end, budget)
        if kind == b"VP8X" and size is None:
            size = 1 + little(data, start + 4, 3), 1 + little(data, start + 7, 3)
        elif kind in {b"VP8 ", b"VP8L"}:
            size = size or _stream_size(data, kind, start, end - start)
            frames += 1
        elif kind == b"ANMF":
            frames += 1
            check_count("frames", frames, limits.max_frames)
        elif kind == b"EXIF" and exif is None and end - start <= MAX_BYTES:
            exif = data[start:end].removeprefix(PREFIX)
    if size is None or not frames:
        raise malformed("WebP", "it has no picture")
    held = max(_HELD_BITS, _HELD_FRAME_BITS * frames)
    return Found(*size, frames, held_bits=held, tags=read_tags(exif or b""))


def chunks(data: Data, budget: Budget) -> Iterator[Chunk]:
    """The chunks of a file.

    The last byte may be missing when it would be padding, and so may the rest of metadata that
    comes behind the picture.

    Raises:
        CorruptImage: the file is shorter than it says.
        ImageTooLarge: there are too many.
    """
    at, end = 12, 8 + little(data, 4, 4)
    has_pixels = False
    if end > len(data) + 1:
        raise truncated("WebP", f"it announces {end:,} bytes and has {len(data):,}")
    while at + 8 <= end:
        budget.count("chunks")
        start, length = at + 8, little(data, at + 4, 4)
        kind = data[at : at + 4]
        if start + length > min(end, len(data)):
            if has_pixels and kind not in PICTURE:
                return
            raise truncated("WebP", f"a chunk of {length:,} bytes is cut off")
        has_pixels |= kind in _PIXELS
        yield Chunk(kind, start, start + length)
        at = start + length + (length & 1)


def _stream_size(data: Data, kind: bytes, at: int, length: int) -> tuple[int, int]:
    """The size in the header of a lossy (RFC 6386, 9.1) or lossless bit stream."""
    head = data[at : at + min(length, 10)]
    if kind == b"VP8L":
        if len(head) < 5 or head[0] != 0x2F:
            raise malformed("WebP", "the lossless stream has no header")
        bits = little(head, 1, 4)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if len(head) < 10 or head[3:6] != b"\x9d\x01\x2a":
        raise malformed("WebP", "the lossy stream has no header")
    width, height = little(head, 6, 2) & 0x3FFF, little(head, 8, 2) & 0x3FFF
    if not width or not height:
        raise malformed("WebP", f"its size is {width} x {height}")
    return width, height


def _check_streams(data: Data, kind: bytes, start: int, end: int, budget: Budget) -> None:
    """Check the declared lengths of a chunk, and of the chunks in a frame.

    Raises:
        CorruptImage: the first partition of a lossy stream (RFC 6386, 9.1) is not followed by
            another one.
        ImageTooLarge: there are too many.
    """
    if kind == b"ANMF":
        at = start + _FRAME_HEAD
        while at + 8 <= end:
            budget.count("chunks")
            inner, length = at + 8, little(data, at + 4, 4)
            if inner + length > end:
                raise truncated("WebP", "a chunk of a frame is cut off")
            if data[at : at + 4] != b"ANMF":
                _check_streams(data, data[at : at + 4], inner, inner + length, budget)
            at = inner + length + (length & 1)
    elif kind == b"VP8 " and end - start >= _STREAM_HEAD:
        partition = little(data, start, 3) >> 5
        if start + _STREAM_HEAD + partition >= end:
            raise truncated("WebP", "a lossy stream is cut off")
