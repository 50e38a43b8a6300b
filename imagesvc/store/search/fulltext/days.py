"""Keys of dates in the full-text index: centuries, decades, years, months and days."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from imagesvc.store.search.terms import Atom, Day, From, To


def day_keys(day: Day) -> list[str]:
    """Keys that a date has all of."""
    if day.year is not None and day.month is not None:
        whole = f"{day.year:04}{day.month:02}"
        return [f"m{whole}" if day.day is None else f"d{whole}{day.day:02}"]
    parts = ((day.year, "y", 4), (day.month, "n", 2), (day.day, "x", 2))
    return [f"{key}{part:0{width}}" for part, key, width in parts if part is not None]


def keys_between(atoms: Sequence[Atom]) -> list[str] | None:
    """Keys of the days that all bounds among these leave; None without a bound."""
    first = [atom.day.first for atom in atoms if isinstance(atom, From)]
    last = [atom.day.last for atom in atoms if isinstance(atom, To)]
    if not first and not last:
        return None
    return cover(max(first, default=date.min), min(last, default=date.max))


def cover(first: date, last: date) -> list[str]:
    """Keys that together have exactly the days from `first` to `last`, the longest spans first."""
    keys: list[str] = []
    at: date | None = first
    while at is not None and at <= last:
        key, end = next((key, end) for key, start, end in _spans(at) if start == at and end <= last)
        keys.append(key)
        at = None if end == date.max else end + timedelta(days=1)
    return keys


def _spans(day: date) -> Iterable[tuple[str, date, date]]:
    """The century, decade, year, month and day of a date."""
    for key, years in (("c", 100), ("e", 10), ("y", 1)):
        year = day.year // years * years
        digits = f"{day.year:04}"[: 5 - len(str(years))]
        yield f"{key}{digits}", date(max(year, 1), 1, 1), date(year + years - 1, 12, 31)
    final = calendar.monthrange(day.year, day.month)[1]
    yield f"m{day.year:04}{day:%m}", day.replace(day=1), day.replace(day=final)
    yield f"d{day.year:04}{day:%m%d}", day, day
