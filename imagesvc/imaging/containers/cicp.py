"""Colour spaces that files name without an ICC profile: coding-independent code points.

Source: ITU-T H.273, tables 2 (primaries) and 3 (transfer characteristics). What it leaves open, and
codes that it reserves, are read as sRGB.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

Chromaticities = tuple[tuple[float, float, float], ...]
"""The x, y and z of red, green, blue and white; the three are 1 together."""

REFERENCE_WHITE = 203.0
"""In cd/m2: diffuse white of HDR, which is shown as the white of sRGB (ITU-R BT.2408, 2.2)."""
NOMINAL_PEAK = 1000.0
"""In cd/m2: of HLG (ITU-R BT.2100, table 5), and of PQ without a peak of its own."""
PQ_PEAK = 10_000.0


class Curve(StrEnum):
    """The conversion of samples to light."""

    SRGB = "srgb"
    POWER = "power"
    SMPTE_240M = "smpte240m"
    LOG_100 = "log100"
    LOG_316 = "log316"
    SMPTE_428 = "smpte428"
    PQ = "pq"
    HLG = "hlg"


HDR = frozenset({Curve.PQ, Curve.HLG})


def chromaticities(*pairs: tuple[float, float]) -> Chromaticities:
    """Of the x and y of red, green, blue and white."""
    return tuple((x, y, 1 - x - y) for x, y in pairs)


D65, C, DCI, E = (0.3127, 0.3290), (0.310, 0.316), (0.314, 0.351), (1 / 3, 1 / 3)
SRGB = chromaticities((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), D65)
_SMPTE_170M = chromaticities((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65)
_P3 = (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)

PRIMARIES: Mapping[int, Chromaticities] = {
    1: SRGB,
    4: chromaticities((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), C),
    5: chromaticities((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), D65),
    6: _SMPTE_170M,
    7: _SMPTE_170M,
    8: chromaticities((0.681, 0.319), (0.243, 0.692), (0.145, 0.049), C),
    9: chromaticities((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), D65),
    10: chromaticities((1, 0), (0, 1), (0, 0), E),
    11: chromaticities(*_P3, DCI),
    12: chromaticities(*_P3, D65),
    22: chromaticities((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), D65),
}
CURVES: Mapping[int, tuple[Curve, float]] = {
    **dict.fromkeys((1, 6, 11, 12, 13, 14, 15), (Curve.SRGB, 1.0)),
    4: (Curve.POWER, 2.2),
    5: (Curve.POWER, 2.8),
    7: (Curve.SMPTE_240M, 1.0),
    8: (Curve.POWER, 1.0),
    9: (Curve.LOG_100, 1.0),
    10: (Curve.LOG_316, 1.0),
    16: (Curve.PQ, 1.0),
    17: (Curve.SMPTE_428, 1.0),
    18: (Curve.HLG, 1.0),
}
"""Curve and exponent. Cameras' curves (BT.709, BT.601, BT.2020) are shown as if they were sRGB's.

So do browsers: `ColorSpace::GetTransferFunction` in Chromium's `ui/gfx/color_space.cc` says why.
"""


@dataclass(frozen=True, slots=True)
class ColourSpace:
    """The meaning of a picture's samples; by default sRGB."""

    primaries: Chromaticities = SRGB
    curve: Curve = Curve.SRGB
    gamma: float = 1.0
    """The exponent of `POWER`."""
    peak: float = NOMINAL_PEAK
    """The brightest light in the picture, in cd/m2; for PQ."""
    bits: int = 8
    """Of a sample in the file."""
    is_narrow: bool = False
    """Whether black and white are 16 and 235 (of 8 bits), as the decoder leaves them."""


def bounded_peak(*found: float) -> float:
    """The first known peak, 0 being unknown, within the range of PQ."""
    peak = next((it for it in found if it > 0), NOMINAL_PEAK)
    return min(PQ_PEAK, max(REFERENCE_WHITE, peak))
