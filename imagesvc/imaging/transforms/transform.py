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
from urllib.parse import parse_qsl

from imagesvc.errors import InvalidTransform
from imagesvc.imaging.transforms.keys import AUTO, KEYS, MAX_SIDE, Key, shown
from imagesvc.imaging.transforms.normal import hundredths, normal
from imagesvc.model.ids import Digest, VariantKey
from imagesvc.model.transforms import Transform

ENGINE_VERSION = "5"
"""Part of every variant's key and ETag: changed when the same transform makes other pixels."""

MAX_PAIRS = 64
PRESET = "preset"

_DEFAULTS = {field.name: field.default for field in fields(Transform)}
_SORTED_DEFAULTS = [(name, _DEFAULTS[name]) for name in sorted(KEYS)]
_IDENTITY = Transform()


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
    """Parse the text of a preset unchanged: keys without effect there may have one with others.

    `fit=cover` has no effect without a box, but `preset=banner&w=600&h=200` has one.

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
        f"{name}={_text(value)}"  # no value of the grammar needs percent-encoding
        for name, default in _SORTED_DEFAULTS
        if (value := getattr(whole, name)) != default
    ]
    if whole.auto:
        pairs = sorted([*pairs, f"format={AUTO}"])
    return "&".join(pairs)


def variant_key(digest: Digest, text: str) -> VariantKey:
    """A hash of all that determines a variant's bytes: 64 hexadecimal digits.

    Args:
        digest: of the original.
        text: the effective transform, as `canonical` writes it.
    """
    whole = f"{digest}\n{text}\n{ENGINE_VERSION}"
    return VariantKey(hashlib.sha256(whole.encode()).hexdigest())


def _read(pairs: Iterable[tuple[str, str]], presets: Mapping[str, Transform]) -> Transform:
    values: dict[str, Any] = {}
    faults: list[tuple[str, str]] = []
    base = _IDENTITY
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
        transform = Transform(**values) if base is _IDENTITY else replace(base, **values)
        faults = _faults_together(transform)
    if faults:
        detail = "; ".join(f"{key} {message}" for key, message in faults[:3])
        raise InvalidTransform(f"{detail}.", fields=tuple(faults))
    return transform


def _faults_together(transform: Transform) -> list[tuple[str, str]]:
    """Errors in combinations of values that are valid separately."""
    longest = max(transform.w or 0, transform.h or 0)
    if longest * hundredths(transform.dpr) <= 100 * MAX_SIDE:
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


def _row(key: str) -> Key:
    row = KEYS.get(key)
    if row is None:
        raise ValueError(f"is not a transform key; the keys are {', '.join([*KEYS, PRESET])}")
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
