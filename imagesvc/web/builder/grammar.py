"""The grammar of transforms as the URL builder shows it: a field for each key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imagesvc.imaging.transforms.keys import KEYS, Key
from imagesvc.model.transforms import Transform

GROUPS: Mapping[str, tuple[str, ...]] = {
    "size": ("w", "h", "dpr", "fit", "gravity", "enlarge"),
    "output": ("format", "q", "max_bytes", "lossless", "frame", "exact"),
    "area": ("crop", "trim", "rotate", "flip"),
    "colour": ("brightness", "contrast", "saturation", "gray"),
    "effects": ("blur", "sharpen", "radius", "bg", "wm"),
}
"""The keys of each part of the form, in the order of the form."""


def fields() -> list[dict[str, Any]]:
    """Every key of the grammar, in the order of the form; the catalogues have their names."""
    return [_field(KEYS[name], group) for group, names in GROUPS.items() for name in names]


def _field(key: Key, group: str) -> dict[str, Any]:
    return {
        "name": key.name,
        "group": group,
        "kind": key.kind,
        "minimum": key.minimum,
        "maximum": key.maximum,
        "choices": _distinct_choices(key),
        "default": _default_number(key),
    }


def _distinct_choices(key: Key) -> list[str]:
    """The words of a key, without those that mean the same as an earlier one."""
    words: dict[object, str] = {}
    for word in key.choices:
        words.setdefault(key.read(word), word)
    return list(words.values())


def _default_number(key: Key) -> float | None:
    value = getattr(Transform(), key.name)
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return value if is_number else None
