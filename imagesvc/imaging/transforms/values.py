"""Parsers of structured values: regions, points and colours."""

from __future__ import annotations

import re

from imagesvc.model.transforms import Region

COMPASS = (
    "center",
    "north",
    "northeast",
    "east",
    "southeast",
    "south",
    "southwest",
    "west",
    "northwest",
)
RGB_DIGITS = 6
POINT_UNITS = 10_000
"""A focal point is kept to four decimals."""

_NUMBER = r"[0-9]{1,6}(?:\.[0-9]{1,20})?"
_CROP = re.compile(",".join([f"({_NUMBER})"] * 4))
_POINT = re.compile(rf"fp:({_NUMBER}),({_NUMBER})")
_COLOUR = re.compile("[0-9a-fA-F]{6}(?:[0-9a-fA-F]{2})?")
_NAMED = {
    (column, row): f"{vertical}{horizontal}" or "center"
    for row, vertical in ((0, "north"), (POINT_UNITS // 2, ""), (POINT_UNITS, "south"))
    for column, horizontal in ((0, "west"), (POINT_UNITS // 2, ""), (POINT_UNITS, "east"))
}


def read_crop(text: str) -> Region | None:
    """A region: fractions as soon as one number has a decimal point, else pixels."""
    match = _CROP.fullmatch(text)
    if match is None:
        return None
    if "." not in text:
        x, y, w, h = map(int, match.groups())
        return Region(x, y, w, h) if w and h else None
    one = Region.MILLION
    if any(float(number) > 1 for number in match.groups()):
        return None
    x, y, w, h = (round(float(number) * one) for number in match.groups())
    w, h = min(w, one - x), min(h, one - y)
    return Region(x, y, w, h, is_fraction=True) if w and h else None


def read_gravity(text: str) -> str | None:
    """A name, or a focal point; the points that have a name become it."""
    if text in COMPASS or text in {"smart", "entropy"}:
        return text
    match = _POINT.fullmatch(text)
    if match is None or any(float(number) > 1 for number in match.groups()):
        return None
    x, y = (round(float(number) * POINT_UNITS) for number in match.groups())
    return _NAMED.get((x, y)) or f"fp:{x / POINT_UNITS:g},{y / POINT_UNITS:g}"


def focal_point(gravity: str) -> tuple[int, int] | None:
    """The point that a gravity names, in units of `POINT_UNITS` a side; None without one."""
    if not gravity.startswith("fp:"):
        return None
    x, _, y = gravity.removeprefix("fp:").partition(",")
    return round(float(x) * POINT_UNITS), round(float(y) * POINT_UNITS)


def read_bg(text: str) -> str | None:
    """A colour in lower case; "" for all that are transparent, six digits for opaque ones."""
    if _COLOUR.fullmatch(text) is None:
        return None
    colour = text.lower()
    rgb, alpha = colour[:RGB_DIGITS], colour[RGB_DIGITS:]
    return "" if alpha == "00" else rgb + alpha.removesuffix("ff")


def rgba(colour: str) -> tuple[int, int, int, int]:
    """The levels of RRGGBB or RRGGBBAA."""
    red, green, blue, alpha = bytes.fromhex(colour.ljust(8, "f"))
    return red, green, blue, alpha
