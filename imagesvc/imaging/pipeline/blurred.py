"""JPEGs that are blurred at their full size: the decoder reduces the picture for the blur."""

from __future__ import annotations

from imagesvc.imaging.codecs.shrinking import shown_box
from imagesvc.imaging.codecs.vips import Picture
from imagesvc.imaging.codecs.vips_source import Source
from imagesvc.imaging.colour.conversion import to_srgb
from imagesvc.imaging.pipeline.gaussian import gaussian_of_means, reduction
from imagesvc.imaging.pipeline.steps import Work
from imagesvc.imaging.transforms.geometry import QUARTER, Box
from imagesvc.model.formats import Format

MIN_SIGMA = 8.0
"""A narrower blur shows that saturated colours were averaged before they were clipped."""
MIN_BLOCKS = 8
"""A decoder leaves out a part of a block at the end; of fewer blocks that would be much."""


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
        and to_srgb(source.picture) is source.picture  # it has these colours already
    )
