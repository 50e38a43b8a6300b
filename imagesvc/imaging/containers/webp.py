"""WebP: RIFF chunks (RFC 9649)."""

# ruff: noqa: PLR2004 - the numbers are offsets and sizes that the format lays down
from __future__ import annotations

from imagesvc.imaging.containers.found import (
    Data,
    Found,
    check_count,
    little,
    malformed,
    truncated,
)
from imagesvc.imaging.limits import Limits

MAX_CHUNKS = 100_000
_HELD_BITS = 64
"""The decoded picture, 4 bytes a pixel, and about as much of libwebp's own."""
_HELD_FRAME_BITS = 48
"""The same a frame of an animation: libvips keeps them all."""


def walk(data: Data, limits: Limits) -> Found:
    """Check that all chunks are there, and count the frames.

    Raises:
        CorruptImage: the file is shorter than it says, or has no picture.
        ImageTooLarge: too many frames.
    """
    end = 8 + little(data, 4, 4)
    if end > len(data):
        raise truncated("WebP", f"it announces {end:,} bytes and has {len(data):,}")
    at, frames, size, count = 12, 0, None, 0
    while at + 8 <= end:
        kind, length = data[at : at + 4], little(data, at + 4, 4)
        body = at + 8
        if body + length > end:
            raise truncated("WebP", f"a chunk of {length:,} bytes is cut off")
        if kind == b"VP8X" and size is None:
            size = 1 + little(data, body + 4, 3), 1 + little(data, body + 7, 3)
        elif kind in {b"VP8 ", b"VP8L"}:
            size = size or _stream_size(data, kind, body, length)
            frames += 1
        elif kind == b"ANMF":
            frames += 1
            check_count("frames", frames, limits.max_frames)
        at = body + length + (length & 1)
        count += 1
        check_count("chunks", count, MAX_CHUNKS)
    if size is None or not frames:
        raise malformed("WebP", "it has no picture")
    return Found(*size, frames, held_bits=max(_HELD_BITS, _HELD_FRAME_BITS * frames))


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
