"""Months of the calendar, as a timeline shows them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import MAXYEAR, UTC, date, datetime, timedelta

_PATTERN = re.compile("([0-9]{4})-(0[1-9]|1[0-2])", re.ASCII)
_EPOCH = date(1970, 1, 1).toordinal()
_MONTHS = 12


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """A month of the years 1 to 9999."""

    year: int
    month: int

    def __str__(self) -> str:
        return f"{self.year:04}-{self.month:02}"

    @classmethod
    def read(cls, text: str) -> Month:
        """The month of a text such as 2026-11.

        Raises:
            ValueError: it is none.
        """
        match = _PATTERN.fullmatch(text)
        if match is None or match[1] == "0000":
            raise ValueError("must be a month such as 2026-11")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, microseconds: int) -> Month:
        """The month of an instant, given in microseconds since the epoch."""
        instant = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
        return cls(instant.year, instant.month)

    @property
    def start(self) -> int:
        """Its first microsecond since the epoch."""
        return (date(self.year, self.month, 1).toordinal() - _EPOCH) * 86_400_000_000

    @property
    def stop(self) -> int:
        """The first microsecond after it."""
        if self == Month(MAXYEAR, _MONTHS):
            return self.start + 31 * 86_400_000_000
        return Month(self.year + self.month // _MONTHS, self.month % _MONTHS + 1).start
