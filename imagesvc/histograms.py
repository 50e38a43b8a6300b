"""Histograms for metrics: how many values were not above each of some bounds, and their sum."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import accumulate

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Bounds of durations: from a response from memory to the time limit of a rendering."""


class Histogram:
    """Values counted by the smallest bound that is not below them."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...] = SECONDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0
        """The sum of the values."""

    def add(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def cumulative(self) -> Iterator[tuple[str, int]]:
        """Each bound, as Prometheus writes it, and how many values are not above it."""
        names = (*(f"{bound:g}" for bound in self.bounds), "+Inf")
        return zip(names, accumulate(self.counts), strict=True)


def together(parts: Iterable[Histogram]) -> Histogram:
    """One histogram of the values of several, which have the usual bounds."""
    whole = Histogram()
    for part in parts:
        whole.counts = [one + other for one, other in zip(whole.counts, part.counts, strict=True)]
        whole.total += part.total
    return whole
