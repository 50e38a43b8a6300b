"""GIF of pictures from an animation or a GIF, with as many colours as fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from imagesvc.imaging.codecs.motion import motion
from imagesvc.imaging.codecs.vips import Picture
from imagesvc.imaging.gif.blocks import file_of
from imagesvc.imaging.gif.changes import packed
from imagesvc.imaging.gif.colours import Frames, indexed

DEPTHS = (8, 7, 6, 5, 4)
"""Bits of a pixel, tried one after the other until the file fits its bound."""
FEW_DEPTHS = (8, 4)
MS = 10
"""Milliseconds in the unit of delays."""


@dataclass(frozen=True, slots=True)
class Written:
    """A GIF file."""

    data: bytes
    pixel_bytes: int
    """Bytes of its compressed pixels, which are all that the colours affect."""

    def may_fit(self, bound: int) -> bool:
        """Whether the same frames in other colours could take so few bytes."""
        return len(self.data) - self.pixel_bytes < bound


def encode(picture: Picture) -> bytes:
    """Write frames in a column as a GIF.

    Args:
        picture: sRGB or gray; of several frames, these are in memory.
    """
    return _written(_frames(picture), picture, DEPTHS[0]).data


def encode_within(picture: Picture, bound: int, depths: Sequence[int] = DEPTHS) -> Written:
    """Write frames in a column as a GIF of few bytes.

    Args:
        picture: sRGB or gray; of several frames, these are in memory.
        bound: bytes that it should not exceed; fewer colours are tried for that.
        depths: bits of a pixel to try.

    Returns:
        The first that fits the bound; the smallest tried, if none does.
    """
    frames = _frames(picture)
    best = _written(frames, picture, depths[0])
    for depth in depths[1:]:
        if len(best.data) <= bound or not best.may_fit(bound):
            break
        best = min(best, _written(frames, picture, depth), key=lambda made: len(made.data))
    return best


def _frames(picture: Picture) -> Frames:
    moves = motion(picture)
    return Frames(picture if moves.frames > 1 else picture.copy_memory(), moves.height)


def _written(frames: Frames, picture: Picture, depth: int) -> Written:
    moves = motion(picture)
    delays = [round(delay / MS) for delay in moves.delays]
    made = packed(indexed(frames, depth), delays)
    data = file_of(picture.width, moves.height, made, moves.plays)
    return Written(data, sum(len(frame.packed) for frame in made))
