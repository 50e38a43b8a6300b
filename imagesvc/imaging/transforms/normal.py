"""The canonical transform of all that have the same effect."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

from imagesvc.imaging.transforms.keys import MAX_SIDE
from imagesvc.model.formats import Format
from imagesvc.model.transforms import Region, Transform

HALF_TURN, TURN = 180, 360
WITHOUT_QUALITY = frozenset({Format.PNG, Format.GIF})
WITH_LOSSLESS = frozenset({Format.WEBP, Format.AVIF})
WITH_CROP_OR_MARGIN = frozenset({"cover", "pad"})
FROM_PIXELS = frozenset({"smart", "entropy"})
"""Gravities that depend on the picture."""
EVERYTHING = Region(0, 0, Region.MILLION, Region.MILLION, is_fraction=True)


@lru_cache(maxsize=1024)
def normal(transform: Transform) -> Transform:
    """The one transform that stands for all that do the same.

    What has no effect falls back to its default: `fit` without a whole box, `gravity` where
    nothing is cropped or padded, `enlarge` without a box, a crop that keeps everything,
    `saturation` of gray, `q`, `lossless` and `max_bytes` of formats that have none. `dpr`
    becomes part of the box. Turns and mirrors form a group: both mirrors are half a turn, and
    a mirror with a turn of 180° or more is the other mirror with half a turn less.
    """
    values = _normal_values(transform)
    changed = {name: it for name, it in values.items() if it != getattr(transform, name)}
    return replace(transform, **changed) if changed else transform


def _normal_values(transform: Transform) -> dict[str, Any]:
    """The normal values of the fields that may have others."""
    w, h = _multiplied(transform.w, transform.dpr), _multiplied(transform.h, transform.dpr)
    fit = transform.fit if w and h else "inside"
    gravity = transform.gravity if fit in WITH_CROP_OR_MARGIN else "center"
    rotate, flip = _normal_turn(transform)
    return {
        "w": w,
        "h": h,
        "dpr": 1.0,
        "fit": fit,
        "gravity": "center" if fit == "pad" and gravity in FROM_PIXELS else gravity,
        "enlarge": transform.enlarge and bool(w or h),
        "crop": None if transform.crop == EVERYTHING else transform.crop,
        "rotate": rotate,
        "flip": flip,
        "saturation": 1.0 if transform.gray else transform.saturation,
        "auto": transform.auto and transform.format is None,
        **_normal_quality(transform),
    }


def _multiplied(side: int | None, dpr: float) -> int | None:
    """A side of the box times `dpr`, rounded half up, within the limits of sides."""
    if side is None:
        return None
    return max(1, min(MAX_SIDE, (side * hundredths(dpr) + 50) // 100))


def hundredths(number: float) -> int:
    """A number with two decimals as a whole one, for exact products."""
    return round(number * 100)


def _normal_turn(transform: Transform) -> tuple[float, str]:
    rotate, flip = transform.rotate % TURN, transform.flip
    if flip == "hv":
        rotate, flip = (rotate + HALF_TURN) % TURN, ""
    if flip and rotate >= HALF_TURN:
        rotate, flip = rotate - HALF_TURN, "v" if flip == "h" else "h"
    return round(rotate, 2), flip


def _normal_quality(transform: Transform) -> dict[str, Any]:
    kind = transform.format
    can_lose = kind not in WITHOUT_QUALITY
    lossless = transform.lossless and (kind is None or kind in WITH_LOSSLESS)
    if lossless and kind is not None:
        can_lose = False
    return {
        "q": transform.q if can_lose else None,
        "lossless": lossless,
        "max_bytes": transform.max_bytes if can_lose else None,
    }
