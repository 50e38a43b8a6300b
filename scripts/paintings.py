"""Paintings of mountains for the documentation: the same number is always the same painting."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Colors = NDArray[np.float64]
"""Rows of red, green and blue from 0 to 255."""
SIZES = ((1500, 1000), (1500, 1000), (1000, 1400), (1600, 1000), (1300, 1000), (1800, 900))
CAMERAS = (("FUJIFILM", "X100V"), ("SONY", "ILCE-7M3"), ("Canon", "EOS R6"))
ROUND_OCTAVES = 3
_MAKE, _MODEL, _EXIF, _TAKEN = 271, 272, 0x8769, 36867
"""Tags of EXIF 2.32."""
PALETTES = tuple(
    np.array(colors, dtype=float)
    for colors in (
        [(96, 150, 214), (214, 232, 242), (38, 66, 92), (250, 250, 236)],  # a clear day
        [(66, 92, 156), (250, 186, 128), (52, 44, 84), (255, 236, 190)],  # an evening
        [(24, 30, 66), (88, 96, 152), (14, 20, 40), (236, 238, 255)],  # a night
        [(230, 156, 150), (250, 222, 196), (110, 62, 84), (255, 246, 226)],  # a morning
        [(122, 170, 160), (228, 238, 214), (26, 64, 54), (255, 252, 226)],  # a forest
        [(150, 160, 176), (226, 226, 224), (60, 68, 82), (246, 246, 246)],  # fog
        [(92, 160, 200), (250, 226, 176), (150, 92, 48), (255, 250, 220)],  # dunes
        [(180, 70, 60), (250, 176, 92), (64, 24, 40), (255, 232, 160)],  # a red evening
    )
)
"""Of the upper sky, the horizon, the nearest hills, and the sun or moon."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a camera writes into a file."""

    at: datetime
    camera: tuple[str, str]


def painting(number: int, taken: Taken | None = None) -> bytes:
    """A JPEG, with EXIF if it says when it was taken."""
    chance = np.random.default_rng(number)
    width, height = SIZES[number % len(SIZES)]
    upper, horizon, near, light = PALETTES[(number * 5) % len(PALETTES)]
    canvas = _sky(width, height, upper, horizon)
    place = np.array([chance.uniform(0.15, 0.85) * width, chance.uniform(0.15, 0.4) * height])
    _shine(canvas, place, chance.uniform(0.03, 0.07) * height, light)
    ridges = int(chance.integers(4, 8))
    for depth in range(ridges):
        near_by = (depth + 1) / ridges
        color = horizon + (near - horizon) * near_by**1.3
        base = height * (0.42 + 0.5 * near_by - 0.06 * chance.random())
        rough = height * (0.05 + 0.11 * chance.random()) * (1.3 - 0.6 * near_by)
        _ridge(canvas, base + rough * _line(width, chance), color, horizon)
    canvas += chance.normal(0, 2.2, canvas.shape[:2])[..., None]  # grain
    picture = Image.fromarray(np.clip(canvas, 0, 255).astype(np.uint8))
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=90, exif=_exif(taken))
    return out.getvalue()


def _sky(width: int, height: int, upper: Colors, horizon: Colors) -> Colors:
    part = np.clip(np.linspace(0, 1.7, height), 0, 1)[:, None] ** 1.2
    column = upper + (horizon - upper) * part
    return np.repeat(column[:, None, :], width, axis=1)


def _shine(canvas: Colors, place: Colors, radius: float, light: Colors) -> None:
    height, width = canvas.shape[:2]
    rows, columns = np.ogrid[:height, :width]
    distance = np.hypot(columns - place[0], rows - place[1])
    glow = 0.55 * np.exp(-distance / (5 * radius)) + np.clip(radius - distance + 0.5, 0, 1)
    canvas += np.clip(glow, 0, 1)[..., None] * (light - canvas)


def _line(width: int, chance: np.random.Generator) -> Colors:
    """A ridge from -1 to 1: noise of octaves, each with twice the frequency and half the height."""
    line = np.zeros(width)
    for octave in range(8):
        points = 2 ** (octave + 1) + 2
        knots = chance.uniform(-1, 1, points)
        at = np.linspace(0, points - 1.001, width)
        first = at.astype(int)
        part = at - first
        soft = part * part * (3 - 2 * part) if octave < ROUND_OCTAVES else part
        line += (knots[first] * (1 - soft) + knots[first + 1] * soft) / 1.9**octave
    normal: Colors = line / np.abs(line).max()
    return normal


def _ridge(canvas: Colors, line: Colors, color: Colors, haze: Colors) -> None:
    """All below a line, with haze that grows downwards."""
    height = canvas.shape[0]
    below = np.clip(np.arange(height)[:, None] - line[None, :] + 0.5, 0, 1)
    depth = np.clip((np.arange(height)[:, None] - line[None, :]) / (0.6 * height), 0, 1)
    shade = color + (haze - color) * (0.45 * depth[..., None])
    canvas += below[..., None] * (shade - canvas)


def _exif(taken: Taken | None) -> Image.Exif:
    exif = Image.Exif()
    if taken is not None:
        exif[_MAKE], exif[_MODEL] = taken.camera
        exif.get_ifd(_EXIF)[_TAKEN] = taken.at.strftime("%Y:%m:%d %H:%M:%S")
    return exif
