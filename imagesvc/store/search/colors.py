"""Colours as people see them: CIE L*a*b*, its distance, and cells to look them up by.

Two colours within `RADIUS` of each other (CIE76: the distance between their points) count as the
same one. The space is cut into cubes of twice the radius, so that all colours near one lie in at
most eight of them.

Source: IEC 61966-2-1 (sRGB), CIE 15 (L*a*b*, D65).
"""

from __future__ import annotations

from itertools import product

RADIUS = 18.0
SIDE = 2 * RADIUS
_WHITE = (0.95047, 1.0, 1.08883)
_TO_XYZ = (
    (0.4124564, 0.3575761, 0.1804375),
    (0.2126729, 0.7151522, 0.0721750),
    (0.0193339, 0.1191920, 0.9503041),
)
_OFFSET = 4  # cubes, so that their numbers are positive

Lab = tuple[float, float, float]


def lab(rgb: str) -> Lab:
    """L*, a* and b* of `rrggbb`, with or without `#`."""
    levels = levels_of(rgb)
    x, y, z = (
        _curve(sum(part * level for part, level in zip(row, levels, strict=True)) / white)
        for row, white in zip(_TO_XYZ, _WHITE, strict=True)
    )
    return round(116 * y - 16, 1), round(500 * (x - y), 1), round(200 * (y - z), 1)


def levels_of(rgb: str) -> list[float]:
    """The light of red, green and blue of `rrggbb`, with or without `#`, each from 0 to 1."""
    return [_linear(byte / 255) for byte in bytes.fromhex(rgb.removeprefix("#"))]


def _linear(level: float) -> float:
    return level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4  # noqa: PLR2004


def _curve(level: float) -> float:
    return level ** (1 / 3) if level > (6 / 29) ** 3 else level / (3 * (6 / 29) ** 2) + 4 / 29


def cell(color: Lab) -> str:
    """The cube of a colour: three digits."""
    return _name(tuple(int(part // SIDE) for part in color))


def near_cells(color: Lab) -> list[str]:
    """The cubes that colours near this one can lie in, at most eight."""
    spans = [
        range(int((part - RADIUS) // SIDE), int((part + RADIUS) // SIDE) + 1) for part in color
    ]
    return [_name(place) for place in product(*spans)]


def _name(place: tuple[int, ...]) -> str:
    return "".join(str(number + _OFFSET) for number in place)
