"""Dates of images as numbers that every database counts with."""

from __future__ import annotations

from datetime import date

from sqlalchemy import BigInteger, type_coerce

from imagesvc.model.months import Month
from imagesvc.store.db.schema.images import images

MICROSECONDS_A_DAY = 86_400_000_000

dated = type_coerce(images.c.dated_at, BigInteger)
"""Microseconds since the epoch."""
day = (dated - Month(1, 1).start) // MICROSECONDS_A_DAY
"""Days since the beginning of the year 1: negative quotients are rounded towards zero."""


def date_of(number: int) -> date:
    """The date of a `day`."""
    return date.fromordinal(number + 1)
