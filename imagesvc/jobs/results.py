"""How the attempts of jobs end, and how long they take."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from imagesvc.histograms import Histogram
from imagesvc.model.jobs import Status

OUTCOMES = {
    Status.SUCCEEDED: "succeeded",
    Status.FAILED: "failed",
    Status.PENDING: "retried",
    None: "gone",
}
"""By the status that is recorded at the end of an attempt: the job of one that is `retried` will
have another, and the job of one that is `gone` was cancelled or deleted meanwhile."""


class Results:
    """The attempts that have ended since the start."""

    def __init__(self) -> None:
        self.ended: Counter[str] = Counter()
        """By outcome."""
        self.seconds = Histogram()

    def note(self, recorded: Status | None, took: timedelta) -> float:
        """Count the end of an attempt; returns its milliseconds."""
        self.ended[OUTCOMES[recorded]] += 1
        self.seconds.add(took.total_seconds())
        return round(took.total_seconds() * 1000, 1)
