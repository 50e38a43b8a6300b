"""GIF: blocks up to the trailer (GIF89a specification)."""

# ruff: noqa: PLR2004 - the numbers are offsets and sizes that the format lays down
from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from imagesvc.errors import CorruptImage
from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.found import (
    Data,
    Found,
    check_count,
    little,
    malformed,
    truncated,
)
from imagesvc.imaging.limits import Limits

IMAGE, EXTENSION, TRAILER = 0x2C, 0x21, 0x3B
GRAPHIC_CONTROL = 0xF9
_HELD_BITS = 96
"""libvips keeps the frame being drawn, the one before and a copy, 4 bytes a pixel each."""


class FrameHead(NamedTuple):
    """Where a frame is on the canvas, and what becomes of it."""

    left: int
    top: int
    width: int
    height: int
    disposal: int
    has_transparency: bool
    """Whether one of its colours is transparent."""


def walk(data: Data, limits: Limits, budget: Budget) -> Found:
    """Check that all blocks exist, and count the frames.

    A file that ends between two blocks without its trailer is complete enough for every decoder.

    Raises:
        CorruptImage: the file ends inside a block, has no frame, or no size.
        ImageTooLarge: too many blocks or frames; or a frame or canvas of too many pixels.
    """
    head = data[:13]
    if len(head) < 13:
        raise truncated("GIF", "the header is cut off")
    width, height = little(head, 6, 2), little(head, 8, 2)
    if not width or not height:
        raise malformed("GIF", f"its size is {width} x {height}")
    at = 13 + _table_bytes(head[10])
    frames = 0
    while at < len(data):
        budget.count("blocks")
        kind = data[at : at + 1]
        if kind[0] == TRAILER:
            break
        if kind[0] == EXTENSION:
            at += 2
            if frames and not _is_whole(data, at, budget):
                break  # of use only to a frame that follows
        elif kind[0] == IMAGE:
            at, right, bottom = _image(data, at)
            width, height = max(width, right), max(height, bottom)
            check_count("pixels", width * height, limits.max_pixels)
            frames += 1
            check_count("frames", frames, limits.max_frames)
        elif frames:
            break  # junk after whole frames; decoders stop here, too
        else:
            raise malformed("GIF", f"unknown block {kind[0]:02X}")
        at = _skip_sub_blocks(data, at, budget)
    if not frames:
        raise truncated("GIF", "there is no frame")
    return Found(width, height, frames, held_bits=_HELD_BITS)


def is_within_screen(data: Data, count: int) -> bool:
    """Whether a valid file has this many frames, none of which exceeds its canvas."""
    width, height = little(data, 6, 2), little(data, 8, 2)
    heads = list(frame_heads(data))
    return len(heads) == count and all(
        it.left + it.width <= width and it.top + it.height <= height for it in heads
    )


def frame_heads(data: Data) -> Iterator[FrameHead]:
    """The frames of a valid file, in order.

    Raises:
        CorruptImage: a block is cut off.
    """
    budget = Budget(len(data))
    at, control = 13 + _table_bytes(data[10]), 0
    while at < len(data):
        kind = data[at]
        if kind == EXTENSION:
            at += 2
            if not _is_whole(data, at, budget):
                return
            if data[at - 1] == GRAPHIC_CONTROL:
                control = little(data, at + 1, 1)
        elif kind == IMAGE:
            left, top, width, height = (little(data, at + 1 + 2 * n, 2) for n in range(4))
            yield FrameHead(left, top, width, height, control >> 2 & 7, bool(control & 1))
            at, control = at + 11 + _table_bytes(data[at + 9]), 0
        else:
            return
        at = _skip_sub_blocks(data, at, budget)


def _image(data: Data, at: int) -> tuple[int, int, int]:
    """Where the sub-blocks of a frame start, and its right and bottom edges."""
    head = data[at : at + 10]
    if len(head) < 10:
        raise truncated("GIF", "a frame is cut off")
    left, top, width, height = (little(head, 1 + 2 * n, 2) for n in range(4))
    if not width or not height:
        raise malformed("GIF", f"a frame is {width} x {height}")
    return at + 11 + _table_bytes(head[9]), left + width, top + height


def _is_whole(data: Data, at: int, budget: Budget) -> bool:
    try:
        _skip_sub_blocks(data, at, budget)
    except CorruptImage:
        return False
    return True


def _skip_sub_blocks(data: Data, at: int, budget: Budget) -> int:
    """Skip to after the empty sub-block that ends a block."""
    try:
        while size := data[at]:
            at += size + 1
            budget.count("sub-blocks")
    except IndexError:
        raise truncated("GIF", "a block is cut off") from None
    return at + 1


def _table_bytes(flags: int) -> int:
    """Size of the colour table that the flags announce."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0
