"""The steps that change colours and sharpness, and never the size of a frame."""

from __future__ import annotations

from imagesvc.imaging.codecs import vips
from imagesvc.imaging.codecs.vips import Picture
from imagesvc.imaging.colour.conversion import RGB
from imagesvc.imaging.pipeline.gaussian import gaussian
from imagesvc.imaging.pipeline.steps import Work

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
        return gaussian(frame, sigma)
    soft = gaussian(frame.premultiply(), sigma).unpremultiply()
    return soft.rint().cast("uchar").copy(interpretation=frame.interpretation)


def sharpen(frame: Picture, work: Work) -> Picture:
    """Add the difference to a Gaussian blur: 2 x picture - blurred; alpha stays."""
    sigma = work.transform.sharpen
    if not sigma:
        return frame
    frame = vips.held(frame)  # read here and, some rows apart, by the blur
    if not frame.hasalpha():
        soft = gaussian(frame, sigma)
        return (frame + frame - soft).cast("uchar").copy(interpretation=frame.interpretation)
    last = frame.bands - 1
    colours = frame.extract_band(0, n=last)
    soft = gaussian(frame.premultiply(), sigma).unpremultiply().extract_band(0, n=last)
    sharp = (colours + colours - soft).rint().cast("uchar")
    joined = sharp.bandjoin(frame.extract_band(last))
    return joined.copy(interpretation=frame.interpretation)


def _clipped(level: float) -> float:
    return max(0.0, min(255.0, level))
