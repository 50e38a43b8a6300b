"""Where a GIF paints nothing: transparent in browsers, but black or a colour in libvips."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from PIL import Image

from imagesvc.imaging.codecs import vips
from imagesvc.imaging.codecs.vips import Picture
from imagesvc.imaging.containers.found import Data
from imagesvc.imaging.containers.gif import FrameHead, frame_heads
from imagesvc.model.formats import Size

CLEARED, RESTORED = 2, 3
"""Disposals: the covered area is transparent afterwards, or as before."""
PAINTED = 255


def has_gaps(data: Data, canvas: Size, count: int | None = None) -> bool:
    """Whether the first frames may show pixels that libvips paints and browsers do not.

    If a colour of a frame is transparent, libvips clears the area of that frame.

    Args:
        data: a sound GIF.
        canvas: its size.
        count: how many frames matter; None for all.
    """
    has_transparency = is_first_whole = is_cleared = False
    for number, head in enumerate(islice(frame_heads(data), count)):
        if is_cleared and not _covers(head, canvas):
            return True
        is_cleared = head.disposal == CLEARED and not head.has_transparency
        has_transparency = has_transparency or head.has_transparency
        is_first_whole = is_first_whole or (number == 0 and _covers(head, canvas))
    return not is_first_whole and not has_transparency


def painted(data: Data, canvas: Size) -> Iterator[bytes]:
    """Which pixels are painted while each frame is shown, 255 or 0 a pixel."""
    mask = Image.new("L", (canvas.width, canvas.height))
    for head in frame_heads(data):
        box = (head.left, head.top, head.left + head.width, head.top + head.height)
        before = mask.copy() if head.disposal == RESTORED else mask
        mask.paste(PAINTED, box)
        yield mask.tobytes()
        mask = before
        if head.disposal == CLEARED:
            mask.paste(0, box)


def masked(frame: Picture, mask: bytes) -> Picture:
    """A frame that is transparent where nothing is painted."""
    alpha = vips.from_levels(mask, frame.width, frame.height, 1)
    if not frame.hasalpha():
        return frame.bandjoin(alpha)
    last = frame.bands - 1
    return frame.extract_band(0, n=last).bandjoin(frame.extract_band(last) & alpha)


def _covers(head: FrameHead, canvas: Size) -> bool:
    right, bottom = head.left + head.width, head.top + head.height
    return not (head.left or head.top) and right >= canvas.width and bottom >= canvas.height
