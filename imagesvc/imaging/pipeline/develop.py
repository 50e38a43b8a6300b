"""The order of work: from a file to the pixels of a variant.

Orientation comes first in meaning: sizes, crops and turns are those of the picture as shown. In
execution it comes with the resize, which turns the few pixels that are left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from imagesvc.imaging.codecs import vips
from imagesvc.imaging.codecs.motion import each_frame, joined
from imagesvc.imaging.codecs.shrinking import SIDEWAYS, jpeg_shrink, region_shrink, stored_box
from imagesvc.imaging.codecs.vips import Picture, described, from_image
from imagesvc.imaging.codecs.vips_source import Source
from imagesvc.imaging.colour.conversion import scaled
from imagesvc.imaging.pipeline import direct, effects, steps, watermark
from imagesvc.imaging.pipeline.blurred import blurred
from imagesvc.imaging.pipeline.stages import Stages
from imagesvc.imaging.pipeline.steps import Work
from imagesvc.imaging.transforms.geometry import Box
from imagesvc.model.formats import Format, Size

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
"""The work on each frame after it is cut out, oriented and resized."""


def develop(source: Source, work: Work, stages: Stages) -> Picture:
    """The pixels of a variant: sRGB or gray, 8 bits, frames in a column.

    They are in memory when small, and else not evaluated yet.

    Raises:
        pyvips.Error: the picture cannot be decoded; often only when the result is written.
    """
    if source.frames > 1:
        moving = joined(list(frames(each_frame(source), work)), source)
        return stages.evaluated("transform", moving)
    soft = blurred(source, work)
    if soft is not None:
        rest = replace(work, transform=replace(work.transform, blur=0.0))
        return stages.evaluated("transform", _run(soft, rest))
    resized = _resized(source, work)  # kept, for libvips may leave a profile in its memory
    picture = stages.evaluated("decode", resized)
    if steps.looks_at_pixels(work):
        picture = picture.copy_memory()
        work = steps.placed(picture, work)
    return stages.evaluated("transform", _run(picture, work))


def frames(sources: Iterable[Source], work: Work) -> Iterator[Picture]:
    """The frames of an animated variant, in memory: in a column they would mix at their edges.

    One after the other, since hundreds of open pipelines would need gigabytes of buffers.

    Args:
        sources: of `each_frame`.
        work: for all of them.

    Raises:
        pyvips.Error: a frame cannot be decoded.
    """
    is_placed = not steps.looks_at_pixels(work)
    for frame in sources:
        resized = _resized(frame, work)  # kept as above
        if not is_placed:
            work, is_placed = steps.placed(resized.copy_memory(), work), True
        yield _run(resized, work).copy_memory()


def _resized(source: Source, work: Work) -> Picture:
    if work.keeps_colours:
        return nearest(source, work.plan.region, work.plan.scaled)
    return resize(source, work.plan.region, work.plan.scaled)


def resize(source: Source, region: Box | None, target: Size) -> Picture:
    """Cut, orient and scale to exactly `target`, decoding no more than needed.

    Alpha is premultiplied meanwhile, so that transparent pixels lend no colour to the edges.
    """
    if target == (Size(region.width, region.height) if region else source.shown):
        picture = cut(source, region)
        return picture if source.orientation == 1 else picture.copy_memory().autorot()
    image = direct.scaled(source, region, target)
    if image is not None:
        return described(from_image(image), source.picture, is_upright=True)
    return scaled(_reduced(source, region, target), target.width, target.height)


def nearest(source: Source, region: Box | None, target: Size) -> Picture:
    """The same with the nearest pixel, so that no new colours appear."""
    picture = cut(source, region)
    scales = target.width / picture.width, target.height / picture.height
    return picture.resize(scales[0], vscale=scales[1], kernel="nearest")


def cut(source: Source, region: Box | None) -> Picture:
    """The region of a frame, still as stored."""
    if region is None:
        return source.pixels()
    return _cropped(source.pixels(), stored_box(region, source.stored, source.orientation))


def _reduced(source: Source, region: Box | None, target: Size) -> Picture:
    """The picture, shrunk by its decoder where that can be, still no smaller than `target`."""
    if region is not None:
        return _reduced_region(source, region, target)
    if source.format is Format.JPEG:
        return source.pixels(jpeg_shrink(source.shown, target))
    if source.format is Format.WEBP and source.pages == 1:
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
    return _cropped(source.pixels(shrink), box)


def _cropped(picture: Picture, box: Box) -> Picture:
    return picture.crop(box.left, box.top, box.width, box.height)


def _run(frame: Picture, work: Work) -> Picture:
    for step in STEPS:
        frame = step(frame, work)
    return frame
