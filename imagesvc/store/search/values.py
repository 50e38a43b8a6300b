"""Parsers of the values of search fields.

Each raises `ValueError` with what it expected, as words that follow "expected".
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal

from imagesvc.errors import NotFound
from imagesvc.model.formats import Format
from imagesvc.model.ids import ImageId, parse_id
from imagesvc.store.search.hues import Hue
from imagesvc.store.search.terms import (
    Colored,
    Day,
    Hued,
    Mark,
    Marked,
    Measure,
    OfFormat,
    Range,
    Shape,
    Shaped,
    Similar,
)

MOST = 2**62
"""No measure is larger, and SQLite's integers hold it."""
UNITS = {"": 1, "B": 1} | {
    f"{letter}{infix}B".upper(): base**power
    for power, letter in enumerate("KMGT", 1)
    for infix, base in (("", 1000), ("i", 1024))
}
_ALIASES = {"jpg": "jpeg", "tif": "tiff", "heif": "heic"}
_HUES = {str(hue): hue for hue in Hue} | {"grey": Hue.GRAY}
_A_DATE = "a date such as 2016, 03-2018, 2018-03, 24-12-2020, 2020-12-24 or 24-*-*"
_A_WHOLE_DATE = "a date without * such as 2016, 03-2018, 2018-03, 24-12-2020 or 2020-12-24"
_PART = r"(\*|[0-9]{2})"
_YEAR = r"(\*|[0-9]{4})"
_DATES = (  # with groups in the order year, month, day; the first that fits counts
    (re.compile("([0-9]{4})"), (0,)),
    (re.compile("([0-9]{4})-([0-9]{2})"), (0, 1)),
    (re.compile("([0-9]{2})-([0-9]{4})"), (1, 0)),
    (re.compile(f"{_PART}-{_PART}-{_YEAR}"), (2, 1, 0)),
    (re.compile(f"{_YEAR}-{_PART}-{_PART}"), (0, 1, 2)),
)
_LEAP_YEAR = 2000
_MAX_DIGITS = 25


def read_day(text: str) -> Day:
    """A date whose parts may be open, day first or as in ISO 8601."""
    for pattern, places in _DATES:
        match = pattern.fullmatch(text)
        if match is None:
            continue
        found = match.groups()
        parts = [None if found[place] == "*" else int(found[place]) for place in places]
        day = Day(*parts)
        if day == Day():
            break
        try:
            date(_LEAP_YEAR if day.year is None else day.year, day.month or 1, day.day or 1)
        except ValueError as error:
            raise ValueError("a date that exists") from error
        return day
    raise ValueError(_A_DATE)


def read_whole_day(text: str) -> Day:
    """A year, a month or a day, nothing open before it."""
    day = read_day(text)
    if day.year is None or (day.month is None and day.day is not None):
        raise ValueError(_A_WHOLE_DATE)
    return day


def read_format(text: str) -> OfFormat:
    """The name of a format, or a usual suffix."""
    name = text.lower()
    try:
        return OfFormat(Format(_ALIASES.get(name, name)))
    except ValueError as error:
        raise ValueError(f"one of {', '.join(Format)}") from error


def read_shape(text: str) -> Shaped:
    """The name of a shape."""
    try:
        return Shaped(Shape(text.lower()))
    except ValueError as error:
        raise ValueError(f"one of {', '.join(Shape)}") from error


def read_mark(text: str) -> Marked:
    """The name of a mark."""
    try:
        return Marked(Mark(text.lower()))
    except ValueError as error:
        raise ValueError(f"one of {', '.join(Mark)}") from error


def read_range(measure: Measure, text: str) -> Range:
    """A number, compared, or two with `..` between."""
    least, dots, most = text.partition("..")
    if dots:
        low, high = (_number(measure, part) if part else None for part in (least, most))
        if low is high is None or (low is not None and high is not None and low > high):
            raise ValueError(f"a lower and an upper bound such as {_example(measure, '..')}")
        return Range(measure, low, high)
    sign = text[: len(text) - len(text.lstrip("<>="))]
    number = _number(measure, text[len(sign) :])
    if sign == "<" and number == 0:
        raise ValueError("a number above 0")
    bounds = {
        "": (number, number),
        "=": (number, number),
        ">": (number + 1, None),
        ">=": (number, None),
        "<": (None, number - 1),
        "<=": (None, number),
    }
    if sign not in bounds:
        raise ValueError("one of > >= < <= = before the number")
    return Range(measure, *bounds[sign])


def _number(measure: Measure, text: str) -> int:
    units = "|".join(UNITS) if measure is Measure.SIZE else ""
    fraction = r"(?:\.[0-9]+)?" if measure is Measure.SIZE else ""
    match = re.fullmatch(f"([0-9]+{fraction})({units})", text, re.IGNORECASE | re.ASCII)
    if match is None or len(text) > _MAX_DIGITS:
        raise ValueError(f"a number such as {_example(measure, '')}")
    number = int(Decimal(match[1]) * UNITS[match[2].upper()])
    if number > MOST:
        raise ValueError("a smaller number")
    return number


def _example(measure: Measure, dots: str) -> str:
    size, side = ("500KB..2MiB", "1280..1920") if dots else (">1.5MB", ">=1920")
    return size if measure is Measure.SIZE else side


def read_color(text: str) -> Colored | Hued:
    """A name, or three or six hexadecimal digits, with or without `#`."""
    name = text.lower()
    if name in _HUES:
        return Hued(_HUES[name])
    match = re.fullmatch("#?([0-9a-f]{3}|[0-9a-f]{6})", name)
    if match is None:
        raise ValueError(f"one of {', '.join(Hue)}, or a colour such as #2f6b9a")
    digits = match[1]
    return Colored(digits if len(digits) > 3 else "".join(2 * digit for digit in digits))  # noqa: PLR2004


def read_similar(text: str) -> Similar:
    """The id of an image."""
    try:
        return Similar(ImageId(parse_id(text)))
    except NotFound as error:
        raise ValueError("the id of an image") from error
