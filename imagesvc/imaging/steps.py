"""The steps of a rendering, one function each; `pipeline.py` puts them in order.

A step takes one frame, height x width x bands, and returns another. Every step begins by
returning the frame untouched when the transform does not ask for it.
"""

from __future__ import annotations

from dataclasses import dataclass

from imagesvc.imaging import vips
from imagesvc.imaging.geometry import Plan
from imagesvc.imaging.vips import Picture
from imagesvc.model import Format, Transform

WITHOUT_ALPHA = frozenset({Format.JPEG})
WHITE = 255.0
RGB, RGBA = 3, 4
KERNEL_CUT = 0.05
"""Where a Gaussian kernel ends, of its peak. libvips' 0.2 leaves it noticeably too narrow."""
WIDEST_KERNEL_SIGMA = 40.0
BYTE_INTERPRETATIONS = frozenset({"srgb", "b-w"})
_ICC = "icc-profile-data"
_SRGB_AT, _SRGB = slice(48, 56), b"IEC sRGB"
"""Manufacturer and model in the header of the common profile "sRGB IEC61966-2.1"."""


@dataclass(frozen=True, slots=True)
class Work:
    """What the steps need to know: the transform, and the geometry laid out from it."""

    transform: Transform
    plan: Plan


def moves_pixels(work: Work) -> bool:
    """Whether any step mixes or moves pixels, so that frames must be taken one at a time."""
    wanted = work.transform
    plan = work.plan
    return bool(plan.crop or plan.pad or wanted.rotate or wanted.flip or wanted.blur)


def crop(frame: Picture, work: Work) -> Picture:
    """Keep the part of a picture scaled to cover its box that the gravity asks for."""
    box = work.plan.crop
    if box is None:
        return frame
    return frame.crop(box.left, box.top, box.width, box.height)


def colour(frame: Picture, _work: Work) -> Picture:
    """Bring any colour space to sRGB or gray, 8 bits a band, at most one alpha band.

    An embedded profile is applied; without one, CMYK is read by libvips' own profile. A profile
    that cannot be used is ignored, as browsers do.
    """
    if frame.get_typeof(_ICC) and not _is_srgb(frame):
        try:
            frame = frame.icc_transform("srgb", embedded=True, depth=8)
        except vips.Error:
            frame = frame.copy()
            frame.remove(_ICC)
    if frame.interpretation not in BYTE_INTERPRETATIONS:
        is_gray = frame.interpretation == "grey16" or frame.bands < RGB
        frame = frame.colourspace("b-w" if is_gray else "srgb")
    if frame.format != "uchar":
        frame = frame.cast("uchar")
    return frame if frame.bands <= RGBA else frame.extract_band(0, n=RGBA)


def turn(frame: Picture, work: Work) -> Picture:
    """Rotate clockwise, then mirror."""
    rotate, flip = work.transform.rotate, work.transform.flip
    if rotate or flip == "v":
        frame = frame.copy_memory()  # rows are needed in another order than the decoder's
    if rotate:
        frame = frame.rot(f"d{rotate}")
    if flip:
        frame = frame.flip("horizontal" if flip == "h" else "vertical")
    return frame


def gray(frame: Picture, work: Work) -> Picture:
    """Reduce to shades of gray; alpha stays."""
    return frame.colourspace("b-w") if work.transform.gray else frame


def blur(frame: Picture, work: Work) -> Picture:
    """Blur with a Gaussian; transparent pixels lend no colour to their neighbours."""
    sigma = work.transform.blur
    if not sigma:
        return frame
    if not frame.hasalpha():
        return _gaussian(frame, sigma)
    soft = _gaussian(frame.premultiply(), sigma).unpremultiply()
    return soft.cast("uchar").copy(interpretation=frame.interpretation)


def flatten(frame: Picture, work: Work) -> Picture:
    """Put transparency on white where the output format has no alpha."""
    if work.transform.format in WITHOUT_ALPHA and frame.hasalpha():
        return frame.flatten(background=WHITE)
    return frame


def pad(frame: Picture, work: Work) -> Picture:
    """Put the picture on the canvas of its box: transparent where that can be, else white."""
    box = work.plan.pad
    if box is None:
        return frame
    size = (box.left, box.top, box.width, box.height)
    if work.transform.format in WITHOUT_ALPHA:
        return frame.embed(*size, extend="background", background=WHITE)
    if not frame.hasalpha():
        frame = frame.addalpha()
    return frame.embed(*size, extend="background", background=0.0)


def _gaussian(frame: Picture, sigma: float) -> Picture:
    """Convolve; a wide kernel by sums of boxes, whose time does not grow with it."""
    precision = "integer" if sigma <= WIDEST_KERNEL_SIGMA else "approximate"
    return frame.gaussblur(sigma, min_ampl=KERNEL_CUT, precision=precision)


def _is_srgb(frame: Picture) -> bool:
    profile: bytes = frame.get(_ICC)
    return profile[_SRGB_AT] == _SRGB and frame.format == "uchar" and frame.bands >= RGB
