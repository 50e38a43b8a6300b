"""From samples of a named colour space to sRGB: curve, tone map, primaries.

All is done by tables of 256 or 65,536 entries and one matrix, in floating point in between.

HDR becomes SDR by the EETF of ITU-R BT.2390, section 5.4.1: light below a knee stays as it is, and
what lies above is compressed until the brightest pixel is white. It is found for the largest of
red, green and blue, by which all three are scaled (ITU-R BT.2408, annex 5), so that hues stay. The
reference white of 203 cd/m2 is that of sRGB. libjxl does so, too (`Rec2408ToneMapper`). Chromium's
curve (`ColorTransformToneMapInRec2020Linear`) would leave half of the light of reference white.
"""

from __future__ import annotations

from functools import lru_cache

from imagesvc.imaging.codecs import vips
from imagesvc.imaging.codecs.vips import Picture
from imagesvc.imaging.colour import curves
from imagesvc.imaging.colour.primaries import to_srgb, to_xyz
from imagesvc.imaging.containers.cicp import HDR, NOMINAL_PEAK, SRGB, ColourSpace, Curve

RGB = 3
BYTE, DEEP = 255, 65_535
BYTE_BITS, DEEP_BITS = 8, 16
HLG_GAMMA = 1.2
"""Of the system, at a peak of 1,000 cd/m2 (ITU-R BT.2100, table 5)."""
CACHED = 8
"""Tables of so many colour spaces are kept: each has at most 512 kB, and takes up to 50 ms."""


def converted(frame: Picture, space: ColourSpace) -> Picture:
    """Samples of 8 or 16 bits, gray or RGB, as sRGB of 8 bits; alpha stays."""
    is_deep = frame.format == "ushort"
    alpha = None
    if frame.hasalpha():
        last = frame.bands - 1
        alpha, frame = frame.extract_band(last), frame.extract_band(0, n=last)
        alpha = (alpha >> (DEEP_BITS - BYTE_BITS)).cast("uchar") if is_deep else alpha
    is_mixed = space.primaries != SRGB or space.curve in HDR
    if is_mixed and frame.bands >= RGB:
        shown = _mixed(frame, space, is_deep=is_deep)
    else:
        shown = frame.maplut(_levels_of_samples(space, is_deep=is_deep))
    kind = "srgb" if frame.bands >= RGB else "b-w"
    shown = shown if alpha is None else shown.bandjoin(alpha)
    return shown.copy(interpretation=kind)


def _mixed(frame: Picture, space: ColourSpace, *, is_deep: bool) -> Picture:
    light = frame.maplut(_light_of_samples(space, is_deep=is_deep))
    white = curves.white_of(space)
    if space.curve is Curve.HLG:
        luminance = light.recomb([to_xyz(space.primaries)[1]])
        light = light * (luminance * DEEP).cast("ushort").maplut(_hlg_gains(white))
    if space.curve in HDR:
        step = (_largest(light) * (DEEP / white)).cast("ushort")
        light = light * step.maplut(_gains(white, _peak(space)))
    if space.primaries != SRGB:
        light = light.recomb(to_srgb(space.primaries))
    return (light * DEEP).cast("ushort").maplut(_levels_of_light())


def _largest(light: Picture) -> Picture:
    first, *others = (light.extract_band(band) for band in range(RGB))
    return first.bandrank(others, index=RGB - 1)


def _peak(space: ColourSpace) -> float:
    return space.peak if space.curve is Curve.PQ else NOMINAL_PEAK


@lru_cache(maxsize=CACHED)
def _levels_of_samples(space: ColourSpace, *, is_deep: bool) -> Picture:
    """For bands that do not depend on each other."""
    light = _light(space, is_deep=is_deep)
    if space.curve is Curve.HLG:
        light = light**HLG_GAMMA * curves.white_of(space)
    if space.curve in HDR:
        light = light * curves.gain(light, _peak(space))
    return curves.levels(light).copy_memory()


@lru_cache(maxsize=CACHED)
def _light_of_samples(space: ColourSpace, *, is_deep: bool) -> Picture:
    return _light(space, is_deep=is_deep).cast("float").copy_memory()


def _light(space: ColourSpace, *, is_deep: bool) -> Picture:
    last, bits = (DEEP, DEEP_BITS) if is_deep else (BYTE, BYTE_BITS)
    return curves.light(curves.samples(vips.ramp(last), space, bits), space)


@lru_cache(maxsize=1)
def _hlg_gains(white: float) -> Picture:
    """From the light of the scene to that of the display, by luminance in 65,535 steps."""
    return (vips.ramp(DEEP) ** (HLG_GAMMA - 1) * white).cast("float").copy_memory()


@lru_cache(maxsize=CACHED)
def _gains(white: float, peak: float) -> Picture:
    """The tone map, by the light of the largest band in 65,535 steps up to `white`."""
    return curves.gain(vips.ramp(DEEP) * white, peak).cast("float").copy_memory()


@lru_cache(maxsize=1)
def _levels_of_light() -> Picture:
    """By light in 65,535 steps."""
    return curves.levels(vips.ramp(DEEP)).copy_memory()
