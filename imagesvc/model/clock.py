"""Times that the clock must have passed already."""

from __future__ import annotations

from datetime import datetime, timedelta

TOLERANCE = timedelta(minutes=5)
"""How far a clock may be behind: clocks of machines differ, and are adjusted."""


def is_of_future(time: datetime, now: datetime) -> bool:
    """Whether a time that was noted in the past is later than the clock: one of them is wrong."""
    return time > now + TOLERANCE
