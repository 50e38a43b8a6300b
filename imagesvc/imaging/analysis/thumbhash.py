"""ThumbHash: a placeholder of some 25 bytes that browsers turn into a blurred picture.

Own code, since PyPI's `thumbhash` has had one release (2023), loops over pixels in Python (40 ms
for 100 x 75) and wants Pillow to open the file itself. The transform is linear, so here it is
taken of red, green, blue and alpha as they are, and the channels are mixed afterwards.

Source: Evan Wallace, https://evanw.github.io/thumbhash/ and `rgbaToThumbHash` in its `js/`.
"""

# ruff: noqa: PLR2004 - the numbers are field widths and scales that the format lays down
from __future__ import annotations

import math
from collections.abc import Iterator
from operator import mul

from imagesvc.imaging.analysis.cosines import Levels, low_frequencies

MAX_SIDE = 100
_FLAT = 1e-9
"""Waves below this are the rounding of a flat picture."""

Plane = list[list[float]]


def thumbhash(rgba: bytes, width: int, height: int) -> bytes:
    """The ThumbHash of a small picture.

    Args:
        rgba: height x width x 4, uint8, sRGB, not premultiplied.
        width: at most `MAX_SIDE`; so is the height.
        height: in pixels.
    """
    alpha = rgba[3::4]
    has_alpha = min(alpha) < 255
    longest = max(width, height)
    limit = 5 if has_alpha else 7  # fewer bits of luminance when there are some of alpha
    wide, tall = (max(1, _rounded(limit * side / longest)) for side in (width, height))
    across, down = max(3, wide, 5 * has_alpha), max(3, tall, 5 * has_alpha)

    seen = _flat(across, down)
    if has_alpha:
        seen = _scaled(low_frequencies(alpha, width, across, down), 1 / 255)
    colours = []
    for band in range(3):
        levels: Levels = rgba[band::4]
        if not has_alpha:
            colours.append(_scaled(low_frequencies(levels, width, across, down), 1 / 255))
            continue
        levels = list(map(mul, levels, alpha))
        mean = sum(levels) / 255 / sum(alpha) if any(alpha) else 0.0
        plane = _scaled(low_frequencies(levels, width, across, down), 1 / 255**2)
        colours.append(_on_mean(plane, seen, mean))
    red, green, blue = colours
    light = _mixed(red, green, blue, 1 / 3, 1 / 3, 1 / 3)
    yellow_blue = _mixed(red, green, blue, 1 / 2, 1 / 2, -1)
    red_green = _mixed(red, green, blue, 1, -1, 0)

    planes = [
        _encoded(light, max(3, wide), max(3, tall)),
        _encoded(yellow_blue, 3, 3),
        _encoded(red_green, 3, 3),
    ]
    if has_alpha:
        planes.append(_encoded(seen, 5, 5))
    is_landscape = width > height
    return _packed(planes, tall if is_landscape else wide, is_landscape=is_landscape)


def _flat(across: int, down: int) -> Plane:
    """The frequencies of 1 everywhere."""
    return [[float(not (x or y)) for x in range(across)] for y in range(down)]


def _scaled(plane: Plane, factor: float) -> Plane:
    return [[wave * factor for wave in row] for row in plane]


def _on_mean(premultiplied: Plane, seen: Plane, mean: float) -> Plane:
    """A channel composed over its own mean, where it is transparent."""
    over = [
        [colour - mean * alpha for colour, alpha in zip(*rows, strict=True)]
        for rows in zip(premultiplied, seen, strict=True)
    ]
    over[0][0] += mean
    return over


def _mixed(red: Plane, green: Plane, blue: Plane, r: float, g: float, b: float) -> Plane:
    return [
        [r * one + g * two + b * three for one, two, three in zip(*rows, strict=True)]
        for rows in zip(red, green, blue, strict=True)
    ]


def _encoded(plane: Plane, across: int, down: int) -> tuple[float, float, list[float]]:
    """The constant, the largest wave, and all waves of the triangle from 0 to 1."""
    waves = list(_triangle(plane, across, down))
    scale = max(map(abs, waves))
    if scale < _FLAT:
        return plane[0][0], 0.0, [0.0] * len(waves)
    return plane[0][0], scale, [0.5 + 0.5 / scale * wave for wave in waves]


def _triangle(plane: Plane, across: int, down: int) -> Iterator[float]:
    """The low frequencies without the constant, in the order they are written."""
    for y in range(down):
        for x in range(across):
            if x * down < across * (down - y) and (x or y):
                yield plane[y][x]


def _packed(
    planes: list[tuple[float, float, list[float]]], short_side: int, *, is_landscape: bool
) -> bytes:
    (light, light_scale, _), (yellow, yellow_scale, _), (red, red_scale, _), *rest = planes
    head = (
        _rounded(63 * light)
        | _rounded(31.5 + 31.5 * yellow) << 6
        | _rounded(31.5 + 31.5 * red) << 12
        | _rounded(31 * light_scale) << 18
        | bool(rest) << 23
    )
    tail = (
        short_side
        | _rounded(63 * yellow_scale) << 3
        | _rounded(63 * red_scale) << 9
        | is_landscape << 15
    )
    packed = bytearray(head.to_bytes(3, "little") + tail.to_bytes(2, "little"))
    for alpha, alpha_scale, _ in rest:
        packed.append(_rounded(15 * alpha) | _rounded(15 * alpha_scale) << 4)
    nibbles = [_rounded(15 * wave) for *_, waves in planes for wave in waves]
    if len(nibbles) % 2:
        nibbles.append(0)
    pairs = zip(nibbles[::2], nibbles[1::2], strict=True)
    return bytes(packed) + bytes(low | high << 4 for low, high in pairs)


def _rounded(number: float) -> int:
    """Half up, as JavaScript rounds."""
    return math.floor(number + 0.5)
