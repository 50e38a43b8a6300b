"""A Gaussian blur whose time does not grow with its sigma.

A blurred picture has no details smaller than its sigma. A large sigma is applied to a picture
reduced by 2, 4 or 8, which is then interpolated. Both blur by themselves, by a known variance,
and variances add: the kernel has what is left of the wanted one. Edges are extended: the pixels
at the border are repeated.

From the exact result it differs by less than 4 levels: worst are rings and stripes as wide as
sigma. A reduction by means of boxes would turn fine stripes into wide ones, 8 levels strong; here
each pixel counts for the two nearest ones, by its distance.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

from imagesvc.imaging.codecs import resampling, vips
from imagesvc.imaging.codecs.vips import Picture
from imagesvc.imaging.pipeline import kernels
from imagesvc.imaging.transforms.geometry import Box

FACTORS = (8, 4, 2)
"""The reductions, largest first."""
SIGMAS_A_FACTOR = 2.5
"""A picture is reduced by a factor of at most sigma / 2.5, or linear interpolation would show."""
BORDER = 2
"""The blocks of extended edges around a reduced picture: a pixel counts for two."""
FAST_SIGMA = 1.0
"""A smaller kernel needs finer coefficients than fast ones have."""


def reduction(sigma: float) -> int:
    """The factor by which a picture is reduced for a blur; 1 where it is not."""
    return next((it for it in FACTORS if sigma >= it * SIGMAS_A_FACTOR), 1)


def gaussian(picture: Picture, sigma: float) -> Picture:
    """Blur all bands of a picture, bytes or floating point.

    Pixels are read once and from top to bottom, as a decoder gives them.
    """
    factor = reduction(sigma)
    if factor > 1:
        return _reduced(picture, sigma, factor)
    if picture.format == "uchar" and sigma >= FAST_SIGMA:
        return _fast(picture, kernels.pair(sigma))
    soft = picture.convsep(_exact_row(sigma), precision="float")
    if picture.format != "uchar":
        return soft
    return soft.rint().cast("uchar").copy(interpretation=picture.interpretation)


def _reduced(picture: Picture, sigma: float, factor: int) -> Picture:
    width, height = picture.width, picture.height
    margin = BORDER * factor
    sides = (-(-side // factor) * factor for side in (width, height))
    small = _framed(picture, margin, *sides).reduce(factor, factor, kernel="linear").copy_memory()
    soft = _of_small(small, _rest(sigma, factor, _linear_variance(factor)))
    return _enlarged(soft, factor, Box(margin, margin, width, height))


def gaussian_of_means(means: Picture, sigma: float, factor: int, box: Box) -> Picture:
    """The blur of a picture of which there are only the means of its blocks.

    Its edges are those of the blocks: what the means do not show is extended.

    Args:
        means: one pixel for each block.
        sigma: in pixels of the picture.
        factor: the side of a block.
        box: where the picture is, in pixels from the corner of the first block.
    """
    framed = _framed(means, BORDER, means.width, means.height)
    soft = gaussian(framed, _rest(sigma, factor, (factor * factor - 1) / 12))
    margin = BORDER * factor
    return _enlarged(soft, factor, replace(box, left=margin + box.left, top=margin + box.top))


def gaussian_of_scaled(small: Picture, sigma: float, factor: float) -> Picture:
    """The blur of a picture that was scaled down without sharpening, for linear interpolation.

    Args:
        small: the picture, scaled down.
        sigma: in pixels of the larger picture.
        factor: how much smaller it is, on average of both sides.
    """
    return _of_small(small, _rest(sigma, factor, _linear_variance(factor)))


def _rest(sigma: float, factor: float, reduced: float) -> float:
    """What is left of sigma for a reduced picture, in its pixels.

    Args:
        sigma: in pixels of the picture.
        factor: of the reduction.
        reduced: the variance of the reduction.
    """
    return math.sqrt(sigma * sigma - reduced - _linear_variance(factor)) / factor


def _framed(picture: Picture, margin: int, width: int, height: int) -> Picture:
    """The picture in its extended edges: `margin` on each side of the given size."""
    return picture.embed(margin, margin, width + 2 * margin, height + 2 * margin, extend="copy")


def _linear_variance(factor: float) -> float:
    """The variance of a reduction in which pixels count by their distance to the next ones.

    The interpolation back is its mirror image, and has the same, on average.
    """
    return factor * factor / 6 + 1 / 12


def _of_small(picture: Picture, sigma: float) -> Picture:
    """The blur of a reduced picture, which is interpolated later, and need not be as exact."""
    if picture.format != "uchar" or reduction(sigma) > 1:
        return gaussian(picture, sigma)
    return _fast(picture, kernels.one_or_two(sigma))


def _fast(picture: Picture, listed: tuple[kernels.Kernel, ...]) -> Picture:
    """Convolve bytes with kernels one after the other, first across and then down."""
    width, height = picture.width, picture.height
    # A second kernel reaches over the edges of what the first has blurred.
    margin = sum(len(kernel) // 2 for kernel in listed[1:])
    soft = _framed(picture, margin, width, height) if margin else picture
    rows = [_turnable(kernel) for kernel in listed]
    for across, _ in rows:
        soft = soft.conv(across, precision="integer")
    soft = soft.crop(margin, 0, width, height + 2 * margin).copy_memory()
    for _, down in rows:
        soft = soft.conv(down, precision="integer")
    return soft.crop(0, margin, width, height)


def _enlarged(small: Picture, factor: int, box: Box) -> Picture:
    """Interpolate linearly, and keep the part that is in a box, at once where that is small.

    In a large one pixels are repeated, and then averaged over as many: two exact operations of
    libvips that are each faster than its interpolators.
    """
    is_small = box.width * box.height <= vips.MAX_HELD_PIXELS
    if is_small and small.format == "uchar" and small.bands in {vips.GRAY, vips.RGB}:
        return vips.from_image(resampling.interpolated(vips.to_image(small), factor, box))
    across, down = _turnable((1, *[2] * (factor - 1), 1))
    wide = _convolve(small.zoom(factor, 1), across).crop(box.left, 0, box.width, small.height)
    tall = _convolve(wide.copy_memory().zoom(1, factor), down)
    return tall.crop(0, box.top, box.width, box.height)


def _convolve(picture: Picture, kernel: Picture) -> Picture:
    precision = "integer" if picture.format == "uchar" else "float"
    return picture.conv(kernel, precision=precision)


@lru_cache(maxsize=256)
def _turnable(kernel: kernels.Kernel) -> tuple[Picture, Picture]:
    """A kernel as a row and as a column."""
    row = vips.matrix(kernel, sum(kernel))
    return row, row.rot90().copy_memory()


@lru_cache(maxsize=256)
def _exact_row(sigma: float) -> Picture:
    return vips.matrix(kernels.sampled(sigma), 1)
