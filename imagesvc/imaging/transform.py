"""Text to canonical `Transform` and back: the one grammar of URLs, presets and jobs.

A transform is written as query parameters, such as `w=256&h=256&fit=cover`. `KEYS` is the whole
grammar, one row a key. Parsing normalizes: two texts that would make the same bytes of every
original give equal transforms, and so share one variant.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

from imagesvc.errors import InvalidTransform
from imagesvc.imaging.keys import KEYS, shown
from imagesvc.model import Digest, Format, Original, Transform, VariantKey

ENGINE_VERSION = "1"
"""Part of every variant's key and ETag: changed when the same transform makes other pixels."""

MAX_PAIRS = 64
PRESET = "preset"
HALF_TURN, TURN = 180, 360

SHOWN_BY_BROWSERS = frozenset({Format.JPEG, Format.PNG, Format.WEBP, Format.AVIF, Format.GIF})
WITHOUT_QUALITY = frozenset({Format.PNG, Format.GIF})
WITH_CROP_OR_MARGIN = frozenset({"cover", "pad"})

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
                values[key] = base = _preset(text, presets or {})
            else:
                values[key] = _row(key).read(text)
        except ValueError as error:
            faults.append((shown(key, quoted=False), str(error)))
            values.setdefault(key, None)
    if faults:
        detail = "; ".join(f"{key} {message}" for key, message in faults[:3])
        raise InvalidTransform(f"{detail}.", fields=tuple(faults))
    values.pop(PRESET, None)
    return normal(replace(base, **values))


def parse_text(text: str, presets: Mapping[str, Transform] | None = None) -> Transform:
    """Read a query string such as `w=256&h=256`; the empty one is the identity.

    Raises:
        InvalidTransform: as `parse`, and for text that is no query string.
    """
    if not text:
        return Transform()
    try:
        pairs = parse_qsl(
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
    return parse(pairs, presets)


def canonical(transform: Transform) -> str:
    """Write a transform as text: keys sorted, defaults dropped; "" for the identity."""
    whole = normal(transform)
    pairs = [
        (name, _text(value))
        for name in sorted(_DEFAULTS)
        if (value := getattr(whole, name)) != _DEFAULTS[name]
    ]
    return urlencode(pairs)


def normal(transform: Transform) -> Transform:
    """The one transform that stands for all that do the same.

    What has no effect falls back to its default: `fit` without a whole box, `gravity` where
    nothing is cropped or padded, `enlarge` without a box, `q` of a format that has none. Turns
    and mirrors form a group of eight: both mirrors are half a turn, and a mirror with a turn of
    180° or more is the other mirror with half a turn less.
    """
    w, h = transform.w, transform.h
    fit = transform.fit if w and h else "inside"
    rotate, flip = transform.rotate % TURN, transform.flip
    if flip == "hv":
        rotate, flip = (rotate + HALF_TURN) % TURN, ""
    if flip and rotate >= HALF_TURN:
        rotate, flip = rotate - HALF_TURN, "v" if flip == "h" else "h"
    return replace(
        transform,
        fit=fit,
        gravity=transform.gravity if fit in WITH_CROP_OR_MARGIN else "center",
        enlarge=transform.enlarge and bool(w or h),
        rotate=rotate,
        flip=flip,
        q=None if transform.format in WITHOUT_QUALITY else transform.q,
    )


def effective(transform: Transform, original: Original, quality: Mapping[Format, int]) -> Transform:
    """The transform with its format, and the quality of lossy ones, made concrete.

    Without a wish it is the original's own format where browsers show that, else PNG for
    pictures with alpha and JPEG for the others.
    """
    chosen = transform.format
    if chosen is None:
        chosen = original.format
        if chosen not in SHOWN_BY_BROWSERS:
            chosen = Format.PNG if original.has_alpha else Format.JPEG
    q = None if chosen in WITHOUT_QUALITY else transform.q or quality[chosen]
    return normal(replace(transform, format=chosen, q=q))


def variant_key(digest: Digest, effective: Transform) -> VariantKey:
    """What a variant's bytes depend on, hashed: 64 hexadecimal digits."""
    text = f"{digest}\n{canonical(effective)}\n{ENGINE_VERSION}"
    return VariantKey(hashlib.sha256(text.encode()).hexdigest())


def _row(key: str) -> Any:
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
