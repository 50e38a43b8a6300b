"""An exact Gaussian blur in floating point, and pictures that are hard to blur."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

Levels = np.ndarray[Any, Any]
"""Height x width x bands."""
REACH = 5
"""The kernel ends so many sigmas from its middle."""


def blurred(levels: Levels, sigma: float) -> Levels:
    """Height x width x bands in a Gaussian blur, the pixels at the edges repeated outside."""
    height, width = levels.shape[:2]
    down = np.tensordot(_matrix(height, sigma), levels.astype(float), axes=(1, 0))
    across = np.tensordot(_matrix(width, sigma), down, axes=(1, 1))
    return np.moveaxis(across, 0, 1)


@lru_cache(maxsize=16)
def _matrix(side: int, sigma: float) -> Levels:
    """The weights of all pixels of a row (columns) for each of its pixels (rows)."""
    reach = math.ceil(REACH * sigma)
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-((offsets / sigma) ** 2) / 2)
    weights /= weights.sum()
    matrix = np.zeros((side, side))
    pixels = np.arange(side)
    for offset, weight in zip(offsets, weights, strict=True):
        np.add.at(matrix, (pixels, np.clip(pixels + offset, 0, side - 1)), weight)
    return matrix


def patterns(width: int, height: int, sigma: float) -> dict[str, Levels]:
    """Pictures of one band, each hard in its own way for a blur of about this sigma."""
    down, across = np.mgrid[0:height, 0:width].astype(float)
    random = np.random.default_rng(7)
    square = (across - width / 2 - 0.7) ** 2 + (down - height / 2 + 0.2) ** 2
    dots = np.zeros((height, width))
    dots[random.integers(0, height, 12), random.integers(0, width, 12)] = 1
    tilted = across + 0.7 * down
    found = {
        "noise": random.random((height, width)),
        "black and white noise": random.integers(0, 2, (height, width)),
        "single bright pixels": dots,
        "an edge": across > width // 2,
        "a slanting edge": tilted > 0.8 * width,
        "a corner": (across > width // 2) & (down > height // 2 + 1),
        "a frame": (across % (width - 1) > 0) & (down % (height - 1) > 0),
        "a disc": square < 2 * sigma * sigma,
        "rings": np.cos(square * math.pi / (2 * width)) / 2 + 0.5,
    }
    for side in (1, 2, 3, 5, 8, 13):
        found[f"squares of {side}"] = (across // side + down // side) % 2
    for period in (3.7, 4.3, 7.3, 9.1, 3 * sigma):
        found[f"stripes of {period:.1f}"] = across % period < period / 2
    return {
        name: np.rint(255 * it.astype(float)).astype(np.uint8)[..., None]
        for name, it in found.items()
    }
