"""The steps that change colours and sharpness, and never the size of a frame."""

from __future__ import annotations

from bisect import bisect_left
from functools import lru_cache

from imagesvc.imaging.codecs import vips
from imagesvc.imaging.codecs.vips import Picture
from imagesvc.imaging.colour.conversion import RGB
from imagesvc.imaging.pipeline.steps import Work

KERNEL_CUT = 0.05
"""The end of a Gaussian kernel, relative to its peak.

libvips' 0.2 makes it noticeably too narrow.
"""
WIDEST_KERNEL_SIGMA = 40.0
LEVELS = 256
SAME = bytes(range(LEVELS))
MIDDLE = 127.5
LUMA = (0.213, 0.715, 0.072)
"""Of red, green and blue, as in the saturate() of Filter Effects."""


def gray(frame: Picture, work: Work) -> Picture:
    """Reduce to shades of gray; alpha stays."""
    return frame.colourspace("b-w") if work.transform.gray else frame


def tone(frame: Picture, work: Work) -> Picture:
    """Multiply by the brightness, then spread around middle gray by the contrast.

    Each result is clipped to 0 to 255; alpha stays.

    Source: Filter Effects Module Level 1, brightness() and contrast().
    """
    brightness, contrast = work.transform.brightness, work.transform.contrast
    if brightness == contrast == 1:
        return frame
    levels = [_clipped((_clipped(v * brightness) - MIDDLE) * contrast + MIDDLE) for v in range(256)]
    colours = frame.bands - bool(frame.hasalpha())
    table = bytes(
        level
        for old, new in enumerate(levels)
        for level in [round(new)] * colours + [old] * (frame.bands - colours)
    )
    toned = frame.maplut(vips.from_levels(table, 256, 1, frame.bands))
    return toned.copy(interpretation=frame.interpretation)


def saturate(frame: Picture, work: Work) -> Picture:
    """Move every colour away from its gray, or towards it; alpha stays.

    Source: Filter Effects Module Level 1, saturate().
    """
    factor = work.transform.saturation
    if factor == 1 or frame.bands < RGB:
        return frame
    matrix = [
        [
            (1 - factor) * LUMA[column] + (factor if row == column else 0) if row < RGB else 0.0
            for column in range(RGB)
        ]
        + [float(row == RGB)] * (frame.bands - RGB)
        for row in range(frame.bands)
    ]
    return frame.recomb(matrix).rint().cast("uchar").copy(interpretation=frame.interpretation)


def blur(frame: Picture, work: Work) -> Picture:
    """Blur with a Gaussian; transparent pixels lend no colour to their neighbours."""
    sigma = work.transform.blur
    if not sigma:
        return frame
    if not frame.hasalpha():
        return _gaussian(frame, sigma)
    soft = _gaussian(frame.premultiply(), sigma).unpremultiply()
    return soft.cast("uchar").copy(interpretation=frame.interpretation)


def sharpen(frame: Picture, work: Work) -> Picture:
    """Add the difference to a Gaussian blur: 2 x picture - blurred; alpha stays."""
    sigma = work.transform.sharpen
    if not sigma:
        return frame
    frame = frame.copy_memory()  # read here and, some rows apart, by the blur
    if not frame.hasalpha():
        soft = _gaussian(frame, sigma)
        return (frame + frame - soft).cast("uchar").copy(interpretation=frame.interpretation)
    last = frame.bands - 1
    colours = frame.extract_band(0, n=last)
    soft = _gaussian(frame.premultiply(), sigma).unpremultiply().extract_band(0, n=last)
    sharp = (colours + colours - soft).rint().cast("uchar")
    joined = sharp.bandjoin(frame.extract_band(last))
    return joined.copy(interpretation=frame.interpretation)


def _gaussian(frame: Picture, sigma: float) -> Picture:
    """Convolve; a wide kernel by sums of boxes, whose time does not grow with it."""
    if sigma > WIDEST_KERNEL_SIGMA:
        return frame.gaussblur(sigma, min_ampl=KERNEL_CUT, precision="approximate")
    if frame.format != "uchar":
        return frame.gaussblur(sigma, min_ampl=KERNEL_CUT, precision="integer")
    before, after = _corrections(sigma)
    soft = _quick_gaussian(_replaced(frame, before), sigma)
    return _replaced(soft, after).copy(interpretation=frame.interpretation)


def _quick_gaussian(frame: Picture, sigma: float) -> Picture:
    """Like `gaussblur`, but each row is blurred across once, not for each strip around it."""
    kernel = vips.gaussian(sigma, KERNEL_CUT)
    across = frame.conv(kernel, precision="integer").copy_memory()
    return across.conv(kernel.rot90(), precision="integer")


def _replaced(frame: Picture, levels: bytes) -> Picture:
    return frame if levels == SAME else frame.maplut(vips.from_levels(levels, LEVELS, 1, 1))


@lru_cache(maxsize=64)
def _corrections(sigma: float) -> tuple[bytes, bytes]:
    """Levels to put in place of others before and after a quick blur, so that flat areas stay.

    On bytes libvips convolves with few bits a coefficient: 10 times faster, and up to 3 %
    darker or lighter. How much each level is off is seen on one pixel of `LEVELS` bands. What
    comes out too light is made darker before, so that white is not clipped; else after.
    """
    flat = vips.from_levels(SAME, 1, 1, LEVELS)
    response = _quick_gaussian(flat, sigma).getpoint(0, 0)
    nearest = _inverse(response)
    if response[-2] == LEVELS - 1:
        return nearest, SAME
    return SAME, nearest[:-1] + bytes([LEVELS - 1])


def _inverse(response: list[float]) -> bytes:
    """For each level what answers with it, or nearly so; of several the middle one."""
    asked: dict[float, list[int]] = {}
    for old, answer in enumerate(response):
        asked.setdefault(answer, []).append(old)
    answers = sorted(asked)
    inverse = bytearray()
    for level in range(LEVELS):
        at = bisect_left(answers, level)
        near = min(answers[max(0, at - 1) : at + 1], key=lambda answer: abs(answer - level))
        inverse.append(asked[near][len(asked[near]) // 2])
    return bytes(inverse)


def _clipped(level: float) -> float:
    return max(0.0, min(255.0, level))
