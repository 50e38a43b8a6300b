"""Changes from frame to frame: rectangles, with unchanged pixels transparent."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageChops

from imagesvc.imaging.gif import blocks
from imagesvc.imaging.gif.blocks import Frame, Palette
from imagesvc.imaging.gif.colours import CLEAR, Indexed

MIN_DEPTH = 2
_IS_SAME = [255] + [0] * 255
_IS_CLEAR = [0] * 255 + [255]
_IS_OPAQUE = [255] * 255 + [0]

Rectangle = tuple[int, int, int, int]
"""Left, top, right, bottom."""


def packed(frames: Sequence[Indexed], delays: Sequence[int]) -> list[Frame]:
    """Frames of equal size as a GIF stores them, each relative to the frame before.

    Args:
        frames: as they are to be shown.
        delays: of each frame, in hundredths of a second.
    """
    size = frames[0].pixels.size
    canvas = Indexed(Image.new("L", size, CLEAR), ())
    made = []
    for number, (frame, delay) in enumerate(zip(frames, delays, strict=True)):
        following = frames[number + 1] if number + 1 < len(frames) else None
        box, disposal = _place(canvas, frame, following)
        made.append(_frame(canvas, frame, box, disposal, delay, is_still=len(frames) == 1))
        canvas = frame
        if disposal == blocks.CLEAR:
            left = frame.pixels.copy()
            left.paste(CLEAR, box)
            canvas = Indexed(left, frame.palette)
    return made


def _place(canvas: Indexed, frame: Indexed, following: Indexed | None) -> tuple[Rectangle, int]:
    """The rectangle of a frame, and its disposal.

    A frame cannot make opaque pixels transparent: the disposal of the frame before does.
    """
    whole = (0, 0, *frame.pixels.size)
    changed = whole
    if frame.palette == canvas.palette:
        found = ImageChops.difference(frame.pixels, canvas.pixels).getbbox()
        changed = found or (0, 0, 1, 1)  # a frame that changes nothing still takes its time
    if following is None:
        return changed, blocks.KEEP
    vanishing = ImageChops.darker(
        frame.pixels.point(_IS_OPAQUE), following.pixels.point(_IS_CLEAR)
    ).getbbox()
    if vanishing is None:
        return changed, blocks.KEEP
    left, top, right, bottom = zip(changed, vanishing, strict=True)
    return (min(left), min(top), max(right), max(bottom)), blocks.CLEAR


def _frame(
    canvas: Indexed,
    frame: Indexed,
    box: Rectangle,
    disposal: int,
    delay: int,
    *,
    is_still: bool,
) -> Frame:
    pixels = frame.pixels.crop(box)
    has_clear = len(frame.palette) <= CLEAR and (not is_still or pixels.getextrema()[1] == CLEAR)
    depth = _depth(frame.palette, has_clear=has_clear)
    table = _table(depth, has_clear=has_clear)
    data = _lzw(pixels.point(table), depth)
    if frame.palette == canvas.palette:
        same = ImageChops.difference(pixels, canvas.pixels.crop(box)).point(_IS_SAME)
        pixels.paste(CLEAR, (0, 0), same)
        data = min(data, _lzw(pixels.point(table), depth), key=len)
    left, top, right, bottom = box
    transparent = (1 << depth) - 1 if has_clear else None
    return Frame(
        left, top, right - left, bottom - top, disposal, delay,
        frame.palette, depth, transparent, data,
    )  # fmt: skip


def _depth(palette: Palette, *, has_clear: bool) -> int:
    return max(MIN_DEPTH, (len(palette) + has_clear - 1).bit_length())


def _table(depth: int, *, has_clear: bool) -> list[int]:
    """Indices as the file has them: `CLEAR` is the last of as few bits."""
    return [*range(255), (1 << depth) - 1 if has_clear else 255]


def _lzw(pixels: Image.Image, depth: int) -> bytes:
    return pixels.tobytes("gif", "L", depth, 0)
