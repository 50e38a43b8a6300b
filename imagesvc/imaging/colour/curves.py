"""From samples to light and back, as pictures of one row: the curves of ITU-R and ITU-T."""

# ruff: noqa: PLR2004 - the numbers are those of the standards
from __future__ import annotations

from collections.abc import Callable, Mapping

from imagesvc.imaging.codecs.vips import Picture
from imagesvc.imaging.containers.cicp import (
    NOMINAL_PEAK,
    PQ_PEAK,
    REFERENCE_WHITE,
    ColourSpace,
    Curve,
)

LEVELS = 255
DEEP_BITS = 16
NARROW_BLACK, NARROW_RANGE = 16, 219
"""Of 8 bits (ITU-R BT.2100, table 9)."""
PQ_M1, PQ_M2 = 2610 / 16384, 2523 / 4096 * 128
PQ_C1, PQ_C2, PQ_C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
"""ITU-R BT.2100, table 4."""
HLG_A, HLG_B, HLG_C = 0.17883277, 0.28466892, 0.55991073
"""ITU-R BT.2100, table 5."""


def samples(values: Picture, space: ColourSpace, bits: int) -> Picture:
    """The meaning of samples, from 0 to 1.

    Args:
        values: from 0 to 1, of as many bits as the decoder gives: 8 or 16.
        space: says how many bits the file has, and what black and white are.
        bits: of `values`.
    """
    stored = min(space.bits, bits)
    most = (1 << stored) - 1
    if stored < bits == DEEP_BITS:  # the decoder has put zeros below them
        values = clipped(values * (((1 << bits) - 1) / (most << (bits - stored))))
    if not space.is_narrow:
        return values
    unit = 1 << (stored - 8)
    return clipped((values * most - NARROW_BLACK * unit) / (NARROW_RANGE * unit))


def light(values: Picture, space: ColourSpace) -> Picture:
    """Light by the curve of a colour space; 1 is white, and for HLG the peak of the scene."""
    if space.curve is Curve.POWER:
        return values**space.gamma
    return _LIGHT[space.curve](values)


def levels(values: Picture) -> Picture:
    """Levels of sRGB, 8 bits, of light (IEC 61966-2-1)."""
    values = clipped(values)
    bent = values ** (1 / 2.4) * 1.055 - 0.055
    curved = (values <= 0.0031308).ifthenelse(values * 12.92, bent)
    return (curved * LEVELS).rint().cast("uchar")


def gain(values: Picture, peak: float) -> Picture:
    """The factor that compresses light below 1: 1 itself below a knee.

    Source: the EETF of ITU-R BT.2390, 5.4.1, for a black of 0 on both sides.

    Args:
        values: light; 1 is the reference white.
        peak: the brightest light of the picture, in cd/m2.
    """
    brightest = _pq_value(peak / PQ_PEAK)
    most = _pq_value(REFERENCE_WHITE / PQ_PEAK) / brightest
    knee = 1.5 * most - 0.5
    if knee >= 1:
        return values * 0 + 1
    found = clipped(_pq_values(values * (REFERENCE_WHITE / PQ_PEAK)) / brightest)
    t = (found - knee) / (1 - knee)
    squared, cubed = t * t, t * t * t
    bent = (
        (cubed * 2 - squared * 3 + 1) * knee
        + (cubed - squared * 2 + t) * (1 - knee)
        + (squared * 3 - cubed * 2) * most
    )
    mapped = _pq_light(bent * brightest) * (PQ_PEAK / REFERENCE_WHITE)
    return (found < knee).ifthenelse(1, mapped / values)


def white_of(space: ColourSpace) -> float:
    """How many times the reference white the largest sample is."""
    return (PQ_PEAK if space.curve is Curve.PQ else NOMINAL_PEAK) / REFERENCE_WHITE


def clipped(values: Picture) -> Picture:
    """From 0 to 1."""
    values = (values > 0).ifthenelse(values, 0)
    return (values < 1).ifthenelse(values, 1)


def _srgb(values: Picture) -> Picture:
    return (values <= 0.04045).ifthenelse(values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _smpte_240m(values: Picture) -> Picture:
    return (values <= 0.0913).ifthenelse(values / 4, ((values + 0.1115) / 1.1115) ** (1 / 0.45))


def _log_100(values: Picture) -> Picture:
    return (values > 0).ifthenelse(((values - 1) * 2).exp10(), 0)


def _log_316(values: Picture) -> Picture:
    return (values > 0).ifthenelse(((values - 1) * 2.5).exp10(), 0)


def _smpte_428(values: Picture) -> Picture:
    return values**2.6 * (52.37 / 48)


def _pq(values: Picture) -> Picture:
    return _pq_light(values) * (PQ_PEAK / REFERENCE_WHITE)


def _hlg(values: Picture) -> Picture:
    bent = (((values - HLG_C) / HLG_A).exp() + HLG_B) / 12
    return (values <= 0.5).ifthenelse(values * values / 3, bent)


def _pq_light(values: Picture) -> Picture:
    root = values ** (1 / PQ_M2)
    above = root - PQ_C1
    return ((above > 0).ifthenelse(above, 0) / (PQ_C2 - root * PQ_C3)) ** (1 / PQ_M1)


def _pq_values(values: Picture) -> Picture:
    power = values**PQ_M1
    return ((power * PQ_C2 + PQ_C1) / (power * PQ_C3 + 1)) ** PQ_M2


def _pq_value(value: float) -> float:
    power = value**PQ_M1
    return float(((PQ_C2 * power + PQ_C1) / (PQ_C3 * power + 1)) ** PQ_M2)


_LIGHT: Mapping[Curve, Callable[[Picture], Picture]] = {
    Curve.SRGB: _srgb,
    Curve.SMPTE_240M: _smpte_240m,
    Curve.LOG_100: _log_100,
    Curve.LOG_316: _log_316,
    Curve.SMPTE_428: _smpte_428,
    Curve.PQ: _pq,
    Curve.HLG: _hlg,
}
