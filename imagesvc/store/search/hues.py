"""The names of colours, as ranges of lightness, chroma and hue in OKLCH.

Ranges overlap, as the names of people do: tan is brown and orange. Each basic colour of CSS is in
the range of its name.

Source: https://www.w3.org/TR/css-color-4/#ok-lab; the matrices are those of sRGB to OKLab.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from imagesvc.store.search.colors import levels_of

MAIN = 2
"""Black, white and gray count among so many first colours of a palette: nearly every picture has
shadows and lights."""
_TO_LMS = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_TO_OKLAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


class Hue(StrEnum):
    """A colour by its name."""

    RED = "red"
    ORANGE = "orange"
    YELLOW = "yellow"
    GREEN = "green"
    CYAN = "cyan"
    BLUE = "blue"
    PURPLE = "purple"
    PINK = "pink"
    BROWN = "brown"
    WHITE = "white"
    GRAY = "gray"
    BLACK = "black"


class _Range(NamedTuple):
    """Bounds, each below the first number and not below the second; hues may pass 360 degrees."""

    hue: Hue
    lightness: tuple[float, float]
    chroma: tuple[float, float]
    degrees: tuple[float, float] = (0, 360)


_RANGES = (
    _Range(Hue.RED, (0.3, 0.72), (0.1, 1), (8, 38)),
    _Range(Hue.ORANGE, (0.58, 0.92), (0.1, 1), (38, 78)),
    _Range(Hue.YELLOW, (0.68, 1), (0.08, 1), (78, 120)),
    _Range(Hue.GREEN, (0.18, 0.72), (0.035, 1), (105, 172)),
    _Range(Hue.GREEN, (0.72, 1), (0.05, 1), (120, 172)),
    _Range(Hue.CYAN, (0.4, 1), (0.05, 1), (172, 225)),
    _Range(Hue.BLUE, (0.25, 0.92), (0.028, 1), (222, 290)),  # pale skies have little chroma
    _Range(Hue.PURPLE, (0.18, 0.9), (0.045, 1), (288, 335)),
    _Range(Hue.PINK, (0.63, 0.97), (0.045, 1), (335, 388)),
    _Range(Hue.PINK, (0.63, 0.97), (0.2, 1), (325, 335)),
    _Range(Hue.BROWN, (0.22, 0.82), (0.025, 0.13), (38, 98)),
    _Range(Hue.BROWN, (0.22, 0.55), (0.03, 0.165), (20, 38)),
    _Range(Hue.WHITE, (0.88, 1.01), (0, 0.035)),
    _Range(Hue.GRAY, (0.27, 0.88), (0, 0.025)),
    _Range(Hue.BLACK, (0, 0.27), (0, 0.035)),
    _Range(Hue.BLACK, (0, 0.14), (0, 1)),
)
_NEUTRAL = frozenset({Hue.WHITE, Hue.GRAY, Hue.BLACK})


def hues_of(palette: Sequence[str]) -> list[Hue]:
    """The names for the colours of a palette, whose main colours come first."""
    found = {
        hue
        for place, color in enumerate(palette)
        for hue in _names(color)
        if place < MAIN or hue not in _NEUTRAL
    }
    return [hue for hue in Hue if hue in found]


def _names(rgb: str) -> set[Hue]:
    lightness, chroma, degrees = _oklch(rgb)
    return {
        it.hue
        for it in _RANGES
        if it.lightness[0] <= lightness < it.lightness[1]
        and it.chroma[0] <= chroma < it.chroma[1]
        and (degrees - it.degrees[0]) % 360 < it.degrees[1] - it.degrees[0]
    }


def _oklch(rgb: str) -> tuple[float, float, float]:
    """Lightness of 0 to 1, chroma, and hue in degrees, of `#rrggbb`."""
    levels = levels_of(rgb)
    cones = [_dot(row, levels) ** (1 / 3) for row in _TO_LMS]
    lightness, a, b = (_dot(row, cones) for row in _TO_OKLAB)
    return lightness, math.hypot(a, b), math.degrees(math.atan2(b, a)) % 360


def _dot(row: Sequence[float], values: Sequence[float]) -> float:
    return sum(part * value for part, value in zip(row, values, strict=True))
