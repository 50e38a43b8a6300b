"""JPEGs of which no more pixels are decoded and scaled than a wide blur leaves details."""

from __future__ import annotations

import math
from dataclasses import replace

from PIL import Image

from imagesvc.imaging.codecs import resampling
from imagesvc.imaging.codecs.encode import encode_image
from imagesvc.imaging.codecs.shrinking import shown_box
from imagesvc.imaging.codecs.vips import MAX_HELD_PIXELS, Picture, from_image, to_image
from imagesvc.imaging.codecs.vips_source import Source
from imagesvc.imaging.colour.conversion import is_plain_srgb
from imagesvc.imaging.pipeline import direct
from imagesvc.imaging.pipeline.gaussian import (
    gaussian_of_means,
    gaussian_of_scaled,
    reduction,
)
from imagesvc.imaging.pipeline.stages import Stages
from imagesvc.imaging.pipeline.steps import Work
from imagesvc.imaging.transforms.geometry import QUARTER, Box
from imagesvc.model.formats import Format, Size

MIN_SIGMA = 8.0
"""A narrower blur shows that saturated colours were averaged before they were clipped."""
MIN_BLOCKS = 8
"""A decoder leaves out a part of a block at the end; of fewer blocks that would be much."""
MIN_SIDE = 64
"""A reduced picture has at least so many pixels a side: its sides are rounded to whole ones."""


def variant(source: Source, work: Work, stages: Stages) -> bytes | None:
    """A JPEG that is only scaled and blurred, without a picture of libvips in the final size.

    Returns:
        None where more has to be done, and where the blur is too narrow.

    Raises:
        MemoryError: there is not enough of it.
    """
    image = small_image(source, work)
    if image is None:
        return None
    stages.end("transform")
    return encode_image(image, work.transform)


def small_image(source: Source, work: Work) -> Image.Image | None:
    """The pixels of such a variant; None where `variant` is None.

    Large ones are interpolated while they are encoded.
    """
    wanted, laid = work.transform, work.plan
    is_small = laid.scaled.width * laid.scaled.height <= MAX_HELD_PIXELS
    if not (wanted.blur and is_small and laid.crop is None and resampling.IS_AVAILABLE):
        return None
    is_plain = is_plain_srgb(source.picture)
    if not (is_plain and direct.only_scales(work, replace(wanted, blur=0.0))):
        return None
    return _scaled(source, work)


def _scaled(source: Source, work: Work) -> Image.Image | None:
    """The picture scaled down by more than is wanted, and enlarged again after the blur.

    Differences to the blur of the picture in its final size are those of `blurred`.
    """
    sigma, region, target = work.transform.blur, work.plan.region, work.plan.scaled
    factor = reduction(sigma)
    small = Size(*(-(-side // factor) for side in (target.width, target.height)))
    if sigma < MIN_SIGMA or min(small.width, small.height) < MIN_SIDE:
        return None
    image = direct.scaled(source, region, small, is_soft=True)
    if image is None:
        return None
    scale = math.sqrt(target.width * target.height / (small.width * small.height))
    soft = gaussian_of_scaled(from_image(image), sigma, scale)
    return resampling.stretched(to_image(soft), None, target)


def blurred(source: Source, work: Work) -> Picture | None:
    """The whole picture as shown, blurred, without decoding it at its full size.

    It differs from the blur of all pixels where black and white stripes are about as fine as the
    blocks of the decoder (by 9 levels), where the noise of a JPEG is clipped at the ends of the
    scale (by 8 levels), and at the edges, where blocks are extended instead of pixels: a frame of
    one or two pixels is less visible.

    Returns:
        None where a step before the blur has to see the picture at its full size, where the blur is
        too narrow, and where no decoder shrinks.
    """
    sigma = work.transform.blur
    if sigma < MIN_SIGMA:
        return None
    factor = reduction(sigma)
    if not (_shrinks(source, factor) and _is_first(source, work)):
        return None
    means, shown = source.pixels(factor), source.shown
    covered = Box(0, 0, means.width * factor, means.height * factor)
    if source.orientation != 1:
        covered = shown_box(covered, shown, source.orientation)
        means = means.copy_memory().autorot()
    box = Box(-covered.left, -covered.top, shown.width, shown.height)
    return gaussian_of_means(means, sigma, factor, box)


def _shrinks(source: Source, factor: int) -> bool:
    """Whether the decoder can shrink, and keeps enough blocks."""
    shortest = min(source.stored.width, source.stored.height)
    return (
        source.format is Format.JPEG and not source.is_damaged and shortest >= MIN_BLOCKS * factor
    )


def _is_first(source: Source, work: Work) -> bool:
    """Whether nothing precedes the blur but turns, which the blur commutes with."""
    wanted, laid = work.transform, work.plan
    is_whole = laid.region is None and laid.crop is None and laid.scaled == source.shown
    keeps_tones = wanted.brightness == wanted.contrast == wanted.saturation == 1
    return (
        is_whole
        and keeps_tones
        and not wanted.gray
        and not wanted.rotate % QUARTER
        and not work.keeps_colours
        and is_plain_srgb(source.picture)
    )
