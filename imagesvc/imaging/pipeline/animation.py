"""Lossy WebP of several frames, which Pillow writes faster and in better colours than libvips."""

from __future__ import annotations

from collections.abc import Iterator

from PIL import Image

from imagesvc.imaging.codecs.encode import encode_frames
from imagesvc.imaging.codecs.motion import each_frame, motion_of
from imagesvc.imaging.codecs.vips import to_image
from imagesvc.imaging.codecs.vips_source import Source
from imagesvc.imaging.colour.conversion import is_plain_srgb
from imagesvc.imaging.pipeline import direct
from imagesvc.imaging.pipeline.develop import frames
from imagesvc.imaging.pipeline.stages import Stages
from imagesvc.imaging.pipeline.steps import Work
from imagesvc.model.formats import Format


def variant(source: Source, work: Work, stages: Stages) -> bytes | None:
    """Such a variant; None for all others.

    Raises:
        pyvips.Error: a frame cannot be decoded.
        MemoryError: there is not enough of it.
    """
    wanted = work.transform
    if source.frames == 1 or wanted.format is not Format.WEBP or wanted.lossless:
        return None
    images = list(_images(source, work))
    stages.end("transform")
    return encode_frames(images, motion_of(source), wanted)


def _images(source: Source, work: Work) -> Iterator[Image.Image]:
    """The frames; what is only cut and scaled does not pass through libvips again."""
    found = each_frame(source)
    if not _only_scales(source, work):
        yield from map(to_image, frames(found, work))
        return
    for one in found:
        image = direct.scaled(one, work.plan.region, work.plan.scaled)
        if image is None:
            yield from map(to_image, frames([one], work))
        else:
            yield direct.cropped(image, work)


def _only_scales(source: Source, work: Work) -> bool:
    is_seen_through = bool(work.transform.bg) and source.picture.hasalpha()
    is_plain = direct.only_scales(work, work.transform) and is_plain_srgb(source.picture)
    return is_plain and not is_seen_through
