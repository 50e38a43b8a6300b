"""AVIF: boxes of an ISO base media file (ISO/IEC 14496-12, 23008-12)."""

# ruff: noqa: PLR2004 - the numbers are offsets and sizes that the format lays down
from __future__ import annotations

from collections.abc import Iterator

from imagesvc.imaging.containers.found import (
    Data,
    Found,
    big,
    check_count,
    malformed,
    truncated,
)
from imagesvc.imaging.limits import Limits

MAX_BOXES = 10_000
_HELD_BITS = 136
"""Planes of the decoder, at up to 16 bits a sample, and the interleaved picture."""


def walk(data: Data, limits: Limits) -> Found:
    """Check that all boxes are there; the size is the largest that any item claims.

    Raises:
        CorruptImage: a box reaches beyond the file, or none describes a picture.
    """
    width = height = 0
    for kind, start, end in _boxes(data, 0, len(data)):
        if kind == b"meta":
            for width_, height_ in _sizes(data, start + 4, end):
                width, height = max(width, width_), max(height, height_)
    if not width or not height:
        raise malformed("AVIF", "it describes no picture")
    check_count("pixels", width * height, limits.max_pixels)
    return Found(width, height, held_bits=_HELD_BITS)


def _sizes(data: Data, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The sizes in the `ispe` properties of a `meta` box."""
    for kind, inner, inner_end in _boxes(data, start, end):
        if kind in {b"iprp", b"ipco"}:
            yield from _sizes(data, inner, inner_end)
        elif kind == b"ispe" and inner_end - inner >= 12:
            yield big(data, inner + 4, 4), big(data, inner + 8, 4)


def _boxes(data: Data, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of the content of each box from `at` to `end`."""
    for _ in range(MAX_BOXES):
        if at + 8 > end:
            return
        size, kind, start = big(data, at, 4), data[at + 4 : at + 8], at + 8
        if size == 1:
            size, start = big(data, at + 8, 8), at + 16
        elif size == 0:
            size = end - at
        if size < start - at:
            raise malformed("AVIF", f"a box has the size {size}")
        if at + size > end:
            raise truncated("AVIF", f"a box of {size:,} bytes is cut off")
        yield kind, start, at + size
        at += size
    raise malformed("AVIF", f"it has more than {MAX_BOXES:,} boxes")
