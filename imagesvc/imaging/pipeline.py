"""The order of work: from a file to the pixels of a variant.

Orientation comes first in meaning: sizes, crops and turns are those of the picture as shown. In
execution it comes with the resize, which turns the few pixels that are left.
"""

from __future__ import annotations

from collections.abc import Callable

from imagesvc.imaging import steps, vips
from imagesvc.imaging.geometry import jpeg_shrink, plan
from imagesvc.imaging.steps import Work
from imagesvc.imaging.vips import Picture, Source
from imagesvc.model import Format, Size, Transform

STEPS: tuple[Callable[[Picture, Work], Picture], ...] = (
    steps.crop,
    steps.colour,
    steps.turn,
    steps.gray,
    steps.blur,
    steps.flatten,
    steps.pad,
)
"""What happens to each frame after it is oriented and resized."""


def develop(source: Source, transform: Transform) -> Picture:
    """The pixels of a variant, not evaluated yet: sRGB or gray, 8 bits, frames in a column.

    Raises:
        pyvips.Error: the picture cannot be decoded; often only when the result is written.
    """
    work = Work(transform, plan(transform, source.shown.width, source.shown.height))
    picture = resize(source, work.plan.scaled)
    if source.frames == 1 or not steps.moves_pixels(work):
        return _run(picture, work)
    height = work.plan.scaled.height
    picture = picture.copy_memory()
    frames = [
        _run(picture.crop(0, top, picture.width, height), work)
        for top in range(0, source.frames * height, height)
    ]
    return vips.join_frames(frames)


def resize(source: Source, target: Size) -> Picture:
    """Orient and scale to exactly `target`, decoding no more than needed.

    Alpha is premultiplied meanwhile, so that transparent pixels lend no colour to the edges.
    """
    if target == source.shown:
        if source.orientation == 1:
            return source.picture
        return source.picture.copy_memory().autorot()
    return _reduced(source, target).thumbnail_image(
        target.width, height=target.height, size="force"
    )


def _reduced(source: Source, target: Size) -> Picture:
    """The picture, shrunk by its decoder where that can be, still no smaller than `target`."""
    if source.format is Format.JPEG:
        shrink = jpeg_shrink(source.shown, target)
        if shrink > 1:
            return vips.load(source.path, Format.JPEG, shrink=shrink)
    if source.format is Format.WEBP and source.frames == 1:
        scale = max(target.width / source.shown.width, target.height / source.shown.height)
        if scale < 1:
            return vips.load(source.path, Format.WEBP, scale=scale)
    return source.picture


def _run(frame: Picture, work: Work) -> Picture:
    for step in STEPS:
        frame = step(frame, work)
    return frame
