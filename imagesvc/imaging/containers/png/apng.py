"""Animated PNG: its frames, each of which can be written as a separate PNG (PNG, 11.3.6)."""

# ruff: noqa: PLR2004 - the numbers are offsets and sizes that the format lays down
from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, field, replace

from imagesvc.imaging.containers.budget import Budget
from imagesvc.imaging.containers.found import Data, Found, big, check_count
from imagesvc.imaging.containers.png import png
from imagesvc.imaging.containers.png.png import SIGNATURE, chunks
from imagesvc.imaging.limits import Limits

KEPT, CLEARED, RESTORED = 0, 1, 2
"""Disposals: the canvas that a frame leaves to the next one."""
BLENDED = 1
BLEND_SECONDS = 0.1
"""A megapixel of each frame that is composed onto the canvas."""
_COPIES = 4
"""A byte of a frame's data, which is copied to a separate PNG and decoded."""
_HELD_BITS = 192
"""The canvas before and after a frame, and the frame while it is blended."""
DEFAULT_DENOMINATOR = 100
_SHARED = {b"PLTE": 768, b"tRNS": 256}
"""Chunks for all frames, and the maximum bytes of one in a valid file."""


@dataclass(slots=True)
class Frame:
    """Where a frame is on the canvas, and how it is shown."""

    width: int
    height: int
    left: int
    top: int
    delay: int
    """Milliseconds."""
    disposal: int
    blend: int
    pieces: list[tuple[int, int]] = field(default_factory=list)
    """Where its data is in the file."""

    @property
    def data_bytes(self) -> int:
        """How much data it has."""
        return sum(end - start for start, end in self.pieces)


@dataclass(frozen=True, slots=True)
class Animation:
    """The frames of a file, and how often they are shown; 0 is without end."""

    frames: tuple[Frame, ...]
    plays: int
    shared: bytes
    """Chunks for all frames, each kind once."""
    is_first_shown: bool
    """Whether the picture that other decoders show is the first frame."""


def walk(data: Data, limits: Limits, budget: Budget) -> Found:
    """Check a PNG, and count its frames; an animation that browsers do not play has one.

    Raises:
        CorruptImage, ImageTooLarge: as `png.walk`, or there are too many frames.
    """
    found = png.walk(data, budget)
    moves = animation(data)
    if moves is None:
        return found
    count = len(moves.frames)
    check_count("frames", count, limits.max_frames)
    return replace(
        found,
        frames=count,
        held_bits=found.held_bits + _HELD_BITS,
        extra_bytes=_COPIES * (len(moves.shared) + max(it.data_bytes for it in moves.frames)),
        extra_seconds=BLEND_SECONDS * found.width * found.height * count / 1_000_000,
    )


class _BrokenError(Exception):
    """The animation breaks the rules; browsers then show the picture without it."""


def animation(data: Data) -> Animation | None:
    """The animation in a valid PNG; None if browsers play none.

    Raises:
        CorruptImage, ImageTooLarge: the file is not sound.
    """
    if not _is_announced(data):
        return None
    try:
        return _read(data)
    except _BrokenError:
        return None


def _is_announced(data: Data) -> bool:
    """Whether `acTL` precedes the pixels, which are most of a file and are not searched."""
    for kind, _start, _end in chunks(data, 33, Budget(len(data))):
        if kind in {b"acTL", b"IDAT"}:
            return kind == b"acTL"
    return False


def alone(data: Data, moves: Animation, frame: Frame) -> bytes:
    """A frame as a separate PNG."""
    size = struct.pack(">II", frame.width, frame.height)
    pixels = b"".join(data[start:end] for start, end in frame.pieces)
    header = _chunk(b"IHDR", size + data[24:29])
    return b"".join(
        (SIGNATURE, header, moves.shared, _chunk(b"IDAT", pixels), _chunk(b"IEND", b""))
    )


def _read(data: Data) -> Animation:
    frames: list[Frame] = []
    head: tuple[int, int] | None = None
    shared: dict[bytes, bytes] = {}
    first_data = None
    number = 0
    for kind, start, end in chunks(data, 33, Budget(len(data))):
        if kind in _SHARED:
            # Decoders ignore those that are repeated, are too large, or follow the data.
            if kind not in shared and first_data is None and end - start <= _SHARED[kind]:
                shared[kind] = _chunk(kind, data[start:end])
        elif kind == b"acTL" and head is None and first_data is None:
            head = big(data, start, 4), big(data, start + 4, 4)
        elif kind == b"IDAT":
            first_data = len(frames) if first_data is None else first_data
            if frames:
                frames[-1].pieces.append((start, end))
        elif kind in {b"fcTL", b"fdAT"}:
            _check(big(data, start, 4) == number and end - start >= 4)
            number += 1
            if kind == b"fcTL":
                frames.append(_control(data, start, end))
            else:
                _check(bool(frames) and first_data is not None)
                frames[-1].pieces.append((start + 4, end))
    _check(head is not None and len(frames) == head[0] and head[0] > 1)
    _check(all(it.pieces for it in frames) and first_data in {0, 1})
    whole = (big(data, 16, 4), big(data, 20, 4), 0, 0)
    if first_data:
        _check(whole == (frames[0].width, frames[0].height, frames[0].left, frames[0].top))
    plays = head[1] if head else 0
    return Animation(tuple(frames), plays, b"".join(shared.values()), bool(first_data))


def _control(data: Data, start: int, end: int) -> Frame:
    _check(end - start == 26)
    width, height, left, top, delay, unit, disposal, blend = struct.unpack(
        ">IIIIHHBB", data[start + 4 : end]
    )
    _check(0 < width <= big(data, 16, 4) - left and 0 < height <= big(data, 20, 4) - top)
    _check(disposal <= RESTORED and blend <= BLENDED)
    ms = round(1000 * delay / (unit or DEFAULT_DENOMINATOR))
    return Frame(width, height, left, top, ms, disposal, blend)


def _check(is_right: bool) -> None:
    if not is_right:
        raise _BrokenError


def _chunk(kind: bytes, body: bytes) -> bytes:
    content = kind + body
    return struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))
