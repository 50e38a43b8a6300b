"""Checks of the values in a worker's answer, which may be hostile: each has a type and bounds.

All raise TypeError or ValueError, which costs the worker its life and its caller this one call.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from imagesvc.errors import (
    CorruptImage,
    EmptyFile,
    ImagesvcError,
    ImageTooLarge,
    InsufficientStorage,
    InvalidTransform,
    UnsupportedMediaType,
)

MAX_NUMBER = 1 << 53
MAX_DETAIL = 2000
MAX_FIELDS = 32
MAX_ENTRIES = 64
MAX_VALUE = 1000

_ERRORS: Mapping[str, type[ImagesvcError]] = {
    kind.code: kind
    for kind in (
        CorruptImage,
        EmptyFile,
        ImageTooLarge,
        ImagesvcError,
        InsufficientStorage,
        InvalidTransform,
        UnsupportedMediaType,
    )
}
"""The errors that the functions of `imaging` raise."""


def record(value: Any) -> Mapping[str, Any]:
    """An object."""
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value


def sequence(value: Any, most: int) -> Sequence[Any]:
    """An array of at most so many items."""
    if not isinstance(value, list) or len(value) > most:
        raise ValueError("not an array, or too long")
    return value


def natural(value: Any, most: int = MAX_NUMBER) -> int:
    """A whole number from 0 to `most`."""
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError("not a natural number, or too large")
    return value


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise TypeError("not a truth value")
    return value


def finite(value: Any) -> float:
    """A number that is neither infinite nor NaN."""
    if type(value) not in {int, float} or not math.isfinite(value):
        raise ValueError("not a finite number")
    return float(value)


def duration(value: Any) -> float:
    """A number of seconds, 0 or more."""
    seconds = finite(value)
    if seconds < 0:
        raise ValueError("a negative duration")
    return seconds


def text(value: Any, most: int) -> str:
    """A text of at most so many characters."""
    if not isinstance(value, str) or len(value) > most:
        raise ValueError("not a text, or too long")
    return value


def matching(value: Any, pattern: str) -> str:
    """A text that a regular expression matches as a whole."""
    if not isinstance(value, str) or not re.fullmatch(pattern, value, re.ASCII):
        raise ValueError("not a text of this form")
    return value


def scalars(value: Any) -> dict[str, Any]:
    """An object of short texts and finite numbers."""
    found = record(value)
    if len(found) > MAX_ENTRIES:
        raise ValueError("too many entries")
    return {
        text(name, MAX_VALUE): text(it, MAX_VALUE) if isinstance(it, str) else _number(it)
        for name, it in found.items()
    }


def error(value: Any) -> ImagesvcError:
    """An error of those that workers raise."""
    plain = record(value)
    kind = _ERRORS.get(text(plain.get("code"), MAX_VALUE))
    if kind is None:
        raise ValueError("not an error of workers")
    fields = [sequence(it, 2) for it in sequence(plain.get("fields"), MAX_FIELDS)]
    if any(len(it) != 2 for it in fields):  # noqa: PLR2004
        raise ValueError("not a field and a message")
    return kind(
        text(plain.get("detail"), MAX_DETAIL),
        tuple((text(place, MAX_DETAIL), text(said, MAX_DETAIL)) for place, said in fields),
    )


def _number(value: Any) -> int | float:
    if type(value) is int and abs(value) <= MAX_NUMBER:
        return value
    return finite(value)
