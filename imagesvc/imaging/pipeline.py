"""The order of work: from a file to the pixels of a variant.

Orientation comes first in meaning: sizes, crops and turns are those of the picture as shown. In
execution it comes with the resize, which turns the few pixels that are left.
"""

from __future__ import annotations

from collections.abc import Callable

from imagesvc.imaging import effects, steps, vips, watermark
from imagesvc.imaging.colour import scaled
from imagesvc.imaging.geometry import Box
from imagesvc.imaging.shrinking import SIDEWAYS, jpeg_shrink, region_shrink, stored_box
from imagesvc.imaging.stages import Stages
from imagesvc.imaging.steps import Work
from imagesvc.imaging.vips import Picture, Source
from imagesvc.model import Format, Size

STEPS: tuple[Callable[[Picture, Work], Picture], ...] = (
    steps.crop,
    steps.colour,
    steps.turn,
    effects.gray,
    effects.tone,
    effects.saturate,
    effects.blur,
    effects.sharpen,
    steps.flatten,
    steps.round_corners,
    steps.pad,
    watermark.stamp,
)
"""What happens to each frame after it is cut out, oriented and resized."""


def develop(source: Source, work: Work, stages: Stages) -> Picture:
    """The pixels of a variant: sRGB or gray, 8 bits, frames in a column.

    They are in memory when small, and else not evaluated yet.

    Raises:
        pyvips.Error: the picture cannot be decoded; often only when the result is written.
    """
    picture = resize(source, work.plan.region, work.plan.scaled)
    return stages.evaluated(
        "transform", _stepped(source, work, stages.evaluated("decode", picture))
    )


def _stepped(source: Source, work: Work, picture: Picture) -> Picture:
    if steps.looks_at_pixels(work):
        picture = picture.copy_memory()
        work = steps.placed(picture.crop(0, 0, picture.width, work.plan.scaled.height), work)
    if source.frames == 1 or not steps.moves_pixels(work):
        return _run(picture, work)
    # Evaluated one by one: hundreds of pipelines, all open at once, hold gigabytes of buffers.
    frames = [_run(frame, work).copy_memory() for frame in _frames(picture, source.frames)]
    return vips.join_frames(frames)


def resize(source: Source, region: Box | None, target: Size) -> Picture:
    """Cut, orient and scale to exactly `target`, decoding no more than needed.

    Alpha is premultiplied meanwhile, so that transparent pixels lend no colour to the edges.
    """
    if target == (Size(region.width, region.height) if region else source.shown):
        picture = cut(source, region)
        return picture if source.orientation == 1 else picture.copy_memory().autorot()
    return scaled(_reduced(source, region, target), target.width, target.height)


def cut(source: Source, region: Box | None) -> Picture:
    """The region of each frame, still as stored."""
    if region is None:
        return source.pixels()
    return _cut(source.pixels(), stored_box(region, source.stored, source.orientation), source)


def _reduced(source: Source, region: Box | None, target: Size) -> Picture:
    """The picture, shrunk by its decoder where that can be, still no smaller than `target`."""
    if region is not None:
        return _reduced_region(source, region, target)
    if source.format is Format.JPEG:
        return source.pixels(jpeg_shrink(source.shown, target))
    if source.format is Format.WEBP and source.frames == 1 and source.pages == 1:
        scale = max(target.width / source.shown.width, target.height / source.shown.height)
        if scale < 1:
            return vips.load(source.data, Format.WEBP, scale=scale)
    return source.pixels()


def _reduced_region(source: Source, region: Box, target: Size) -> Picture:
    if source.format is not Format.JPEG:
        return cut(source, region)
    if source.orientation in SIDEWAYS:
        target = Size(target.height, target.width)
    box = stored_box(region, source.stored, source.orientation)
    shrink, box = region_shrink(box, source.stored, target)
    return _cut(source.pixels(shrink), box, source)


def _cut(picture: Picture, box: Box, source: Source) -> Picture:
    place = (box.left, box.top, box.width, box.height)
    if source.frames == 1:
        return picture.crop(*place)
    frames = _frames(picture.copy_memory(), source.frames)
    return vips.join_frames([frame.crop(*place) for frame in frames])


def _frames(column: Picture, count: int) -> list[Picture]:
    height = column.height // count
    column = column.copy_memory()
    return [column.crop(0, top, column.width, height) for top in range(0, column.height, height)]


def _run(frame: Picture, work: Work) -> Picture:
    for step in STEPS:
        frame = step(frame, work)
    return frame
