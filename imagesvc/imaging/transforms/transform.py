"""Text to canonical `Transform` and back: the one grammar of URLs, presets and jobs.

A transform is written as query parameters, such as `w=256&h=256&fit=cover`. `KEYS` is the whole
grammar, one row a key. Parsing normalizes: two texts that would make the same bytes of every
original give equal transforms, and so share one variant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlencode

from imagesvc.errors import InvalidTransform
from imagesvc.imaging.transforms.keys import AUTO, KEYS, MAX_SIDE, Key, shown
from imagesvc.model import (
    Digest,
    Format,
    Original,
    Region,
    Transform,
    VariantKey,
    Watermark,
)

ENGINE_VERSION = "3"
"""Part of every variant's key and ETag: changed when the same transform makes other pixels."""

MAX_PAIRS = 64
PRESET = "preset"
HALF_TURN, TURN = 180, 360

SHOWN_BY_BROWSERS = frozenset({Format.JPEG, Format.PNG, Format.WEBP, Format.AVIF, Format.GIF})
ANIMATED = frozenset({Format.WEBP, Format.GIF})
"""Formats that variants are written moving in."""
MOVING = ANIMATED | {Format.PNG, Format.AVIF}
"""Formats that originals are read moving from."""
WITHOUT_QUALITY = frozenset({Format.PNG, Format.GIF})
WITH_LOSSLESS = frozenset({Format.WEBP, Format.AVIF})
WITH_CROP_OR_MARGIN = frozenset({"cover", "pad"})
FROM_PIXELS = frozenset({"smart", "entropy"})
"""Gravities that look at the picture."""

EVERYTHING = Region(0, 0, Region.MILLION, Region.MILLION, is_fraction=True)

_DEFAULTS = {field.name: field.default for field in fields(Transform)}


def parse(
    pairs: Iterable[tuple[str, str]], presets: Mapping[str, Transform] | None = None
) -> Transform:
    """Read key and value pairs as a transform.

    Args:
        pairs: keys and values, decoded; each key at most once.
        presets: the transforms that `preset` may name; None where presets have no place.

    Raises:
        InvalidTransform: an unknown or repeated key, or a value out of its range. All faults
            are named, each with what is allowed.
    """
    return normal(_read(pairs, presets or {}))


def parse_preset(text: str) -> Transform:
    """Read the text of a preset as it is: what has no effect there may have one beside others.

    `fit=cover` says nothing without a box, but `preset=banner&w=600&h=200` brings one.

    Raises:
        InvalidTransform: as `parse_text`.
    """
    return _read(_pairs(text), {}) if text else Transform()


def parse_text(text: str, presets: Mapping[str, Transform] | None = None) -> Transform:
    """Read a query string such as `w=256&h=256`; the empty one is the identity.

    Raises:
        InvalidTransform: as `parse`, and for text that is no query string.
    """
    return parse(_pairs(text), presets) if text else Transform()


def canonical(transform: Transform) -> str:
    """Write a transform as text: keys sorted, defaults dropped; "" for the identity."""
    whole = normal(transform)
    pairs = [
        (name, _text(value))
        for name in sorted(KEYS)
        if (value := getattr(whole, name)) != _DEFAULTS[name]
    ]
    if whole.auto:
        pairs = sorted([*pairs, ("format", AUTO)])
    return urlencode(pairs, safe=",:")


@lru_cache(maxsize=1024)
def normal(transform: Transform) -> Transform:
    """The one transform that stands for all that do the same.

    What has no effect falls back to its default: `fit` without a whole box, `gravity` where
    nothing is cropped or padded, `enlarge` without a box, a crop that keeps everything,
    `saturation` of gray, `q`, `lossless` and `max_bytes` of formats that have none. `dpr`
    becomes part of the box. Turns and mirrors form a group: both mirrors are half a turn, and
    a mirror with a turn of 180° or more is the other mirror with half a turn less.
    """
    w, h = (_multiplied(side, transform.dpr) for side in (transform.w, transform.h))
    fit = transform.fit if w and h else "inside"
    gravity = transform.gravity if fit in WITH_CROP_OR_MARGIN else "center"
    rotate, flip = _normal_turn(transform)
    return replace(
        transform,
        w=w,
        h=h,
        dpr=1.0,
        fit=fit,
        gravity="center" if fit == "pad" and gravity in FROM_PIXELS else gravity,
        enlarge=transform.enlarge and bool(w or h),
        crop=None if transform.crop == EVERYTHING else transform.crop,
        rotate=rotate,
        flip=flip,
        saturation=1.0 if transform.gray else transform.saturation,
        auto=transform.auto and transform.format is None,
        **_normal_quality(transform),
    )


def with_format(transform: Transform, chosen: Format) -> Transform:
    """The transform with `format=auto` resolved to the format that was negotiated."""
    return normal(replace(transform, format=chosen, auto=False))


def effective(
    transform: Transform,
    original: Original,
    quality: Mapping[Format, int],
    watermarks: Mapping[str, Watermark] | None = None,
) -> Transform:
    """The transform with its format, and the quality of lossy ones, made concrete.

    Without a wish it is the original's own format where browsers show that, else PNG for
    pictures with alpha and JPEG for the others; so it is for `auto`, where nobody negotiates. What
    moves in a format that is not written moving (PNG, AVIF) moves on as WebP.
    The name of a watermark gets its fingerprint.

    Raises:
        InvalidTransform: the original has no such frame, or the settings no such watermark.
    """
    chosen = transform.format
    if chosen is None:
        chosen = original.format
        if chosen not in SHOWN_BY_BROWSERS:
            chosen = Format.PNG if original.has_alpha else Format.JPEG
        elif moves(original) and chosen not in ANIMATED and transform.frame is None:
            chosen = Format.WEBP
    frame = transform.frame
    if frame is not None and frame >= original.frames:
        raise no_frame(frame, original.frames)
    return normal(
        replace(
            transform,
            format=chosen,
            auto=False,
            q=None if chosen in WITHOUT_QUALITY else transform.q or quality[chosen],
            frame=frame if original.frames > 1 else None,
            wm=_with_fingerprint(transform.wm, watermarks or {}),
        )
    )


def moves(original: Original) -> bool:
    """Whether an original is an animation; pages of a TIFF are none."""
    return original.frames > 1 and original.format in MOVING


def no_frame(frame: int, frames: int) -> InvalidTransform:
    """The error of a frame beyond the last."""
    message = f"must be a whole number from 0 to {frames - 1}, the last frame of this image"
    return InvalidTransform(f"frame {message}, not {frame}.", fields=(("frame", message),))


def variant_key(digest: Digest, effective: Transform) -> VariantKey:
    """What a variant's bytes depend on, hashed: 64 hexadecimal digits."""
    text = f"{digest}\n{canonical(effective)}\n{ENGINE_VERSION}"
    return VariantKey(hashlib.sha256(text.encode()).hexdigest())


def _read(pairs: Iterable[tuple[str, str]], presets: Mapping[str, Transform]) -> Transform:
    values: dict[str, Any] = {}
    faults: list[tuple[str, str]] = []
    base = Transform()
    for position, (key, text) in enumerate(pairs):
        if position >= MAX_PAIRS:
            faults.append(("transform", f"has more than {MAX_PAIRS} keys"))
            break
        try:
            if key in values:
                faults.append((key, "is given more than once"))
            elif key == PRESET:
                values[key] = base = _preset(text, presets)
            else:
                values[key] = _row(key).read(text)
        except ValueError as error:
            faults.append((shown(key, quoted=False), str(error)))
            values.setdefault(key, None)
    values.pop(PRESET, None)
    if "format" in values:
        values["auto"] = values["format"] == AUTO
        values["format"] = None if values["auto"] else values["format"]
    if not faults:
        transform = replace(base, **values)
        faults = _faults_together(transform)
    if faults:
        detail = "; ".join(f"{key} {message}" for key, message in faults[:3])
        raise InvalidTransform(f"{detail}.", fields=tuple(faults))
    return transform


def _faults_together(transform: Transform) -> list[tuple[str, str]]:
    """What is wrong with values that are right by themselves."""
    longest = max(transform.w or 0, transform.h or 0)
    if longest * _hundredths(transform.dpr) <= 100 * MAX_SIDE:
        return []
    return [("dpr", f"makes the box {longest * transform.dpr:.0f} pixels; it may have {MAX_SIDE}")]


def _pairs(text: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            text,
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=MAX_PAIRS,
        )
    except ValueError as error:
        message = f"is not a query string such as w=256&h=256: {shown(text)}"
        raise InvalidTransform(
            f"The transform {message}.", fields=(("transform", message),)
        ) from error


def _multiplied(side: int | None, dpr: float) -> int | None:
    """A side of the box times `dpr`, rounded half up, within the limits of sides."""
    if side is None:
        return None
    return max(1, min(MAX_SIDE, (side * _hundredths(dpr) + 50) // 100))


def _hundredths(number: float) -> int:
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


def _with_fingerprint(wm: str, watermarks: Mapping[str, Watermark]) -> str:
    name = wm.partition(":")[0]
    if not name:
        return ""
    found = watermarks.get(name)
    if found is None:
        known = ", ".join(sorted(watermarks)[:20]) or "none here"
        message = f"must be the name of a watermark ({known}), not {shown(name)}"
        raise InvalidTransform(f"wm {message}.", fields=(("wm", message),))
    return f"{name}:{found.fingerprint}"


def _row(key: str) -> Key:
    row = KEYS.get(key)
    if row is None:
        raise ValueError(f"is no transform key; there are {', '.join([*KEYS, PRESET])}")
    return row


def _preset(name: str, presets: Mapping[str, Transform]) -> Transform:
    found = presets.get(name)
    if found is None:
        known = ", ".join(sorted(presets)[:20]) or "none here"
        raise ValueError(f"must be the name of a preset ({known}), not {shown(name)}")
    return found


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return f"{value:g}" if isinstance(value, float) else str(value)
