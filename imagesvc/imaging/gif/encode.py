"""GIF of pictures that come from an animation or a GIF: in as many colours as there is room for."""

from __future__ import annotations

from collections.abc import Sequence

from imagesvc.imaging.gif.blocks import file_of
from imagesvc.imaging.gif.changes import packed
from imagesvc.imaging.gif.colours import Frames, indexed
from imagesvc.imaging.motion import motion
from imagesvc.imaging.vips import Picture

DEPTHS = (8, 7, 6, 5, 4)
"""Bits of a pixel, tried one after the other until the file fits its bound."""
FEW_DEPTHS = (8, 4)
MS = 10
"""Milliseconds in the unit of delays."""


def encode(picture: Picture, bound: int | None = None, depths: Sequence[int] = DEPTHS) -> bytes:
    """Write frames in a column as a GIF.

    Args:
        picture: sRGB or gray; of several frames, these are in memory.
        bound: bytes that it should not exceed; fewer colours are tried for that.
        depths: bits of a pixel to try.

    Returns:
        The first that fits the bound; the smallest tried, if none does.
    """
    moves = motion(picture)
    frames = Frames(picture if moves.frames > 1 else picture.copy_memory(), moves.height)
    delays = [round(delay / MS) for delay in moves.delays]
    best: bytes | None = None
    for depth in depths:
        made = packed(indexed(frames, depth), delays)
        data = file_of(picture.width, moves.height, made, moves.plays)
        if best is None or len(data) < len(best):
            best = data
        if bound is None or len(best) <= bound:
            return best
    if best is None:
        raise ValueError("there are no depths")
    return best
