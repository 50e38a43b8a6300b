"""The blocks of a GIF file (GIF89a specification)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

KEEP, CLEAR = 1, 2
"""Disposal: keep a frame, or make its rectangle transparent before the next one."""
MAX_SHORT = 0xFFFF
TRAILER = b";"

Palette = tuple[bytes, ...]
"""Colours of 3 bytes each."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame: a rectangle of the canvas, packed."""

    left: int
    top: int
    width: int
    height: int
    disposal: int
    delay: int
    """Hundredths of a second."""
    palette: Palette
    depth: int
    """Bits of a pixel."""
    transparent: int | None
    """The index of what lets the canvas show through."""
    packed: bytes
    """LZW codes in sub-blocks, without the empty one that ends them."""


def file_of(width: int, height: int, frames: Sequence[Frame], plays: int) -> bytes:
    """A GIF file.

    Args:
        width: of the canvas.
        height: of the canvas.
        frames: in order; those with the palette of the first share its table.
        plays: how often an animation is shown; 0 is without end.
    """
    first = frames[0]
    pieces = [b"GIF89a", _short(width), _short(height), bytes((0xF0 | first.depth - 1, 0, 0))]
    pieces.append(_table(first))
    if len(frames) > 1 and plays != 1:
        pieces += [b"\x21\xff\x0bNETSCAPE2.0\x03\x01", _short(max(0, plays - 1)), b"\0"]
    for frame in frames:
        is_control_needed = len(frames) > 1 or frame.transparent is not None
        pieces += _control(frame) if is_control_needed else ()
        pieces += _image(frame, is_local=_look(frame) != _look(first))
    return b"".join((*pieces, TRAILER))


def _look(frame: Frame) -> tuple[Palette, int]:
    return frame.palette, frame.depth


def _control(frame: Frame) -> tuple[bytes, ...]:
    flags = frame.disposal << 2 | (frame.transparent is not None)
    return b"\x21\xf9\x04", bytes((flags,)), _short(frame.delay), bytes((frame.transparent or 0, 0))


def _image(frame: Frame, *, is_local: bool) -> list[bytes]:
    box = (frame.left, frame.top, frame.width, frame.height)
    flags = 0x80 | frame.depth - 1 if is_local else 0
    table = _table(frame) if is_local else b""
    return [
        b",",
        *map(_short, box),
        bytes((flags,)),
        table,
        bytes((frame.depth,)),
        frame.packed,
        b"\0",
    ]


def _table(frame: Frame) -> bytes:
    return b"".join(frame.palette).ljust(3 << frame.depth, b"\0")


def _short(number: int) -> bytes:
    return min(number, MAX_SHORT).to_bytes(2, "little")
