"""Figures of requests: how many, how long they took, and how many bytes they had.

They are added up when they are read, so that a response from memory costs a few increments.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict

from imagesvc.histograms import SECONDS, Histogram
from imagesvc.model.noted import CacheTier, RouteClass

METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})
OTHER_METHOD = "other"
REASONS = (
    "max_connections", "max_connections_per_address", "malformed", "tls", "uri_too_long",
    "headers_too_large", "header_timeout",
)  # fmt: skip
"""Why a connection is ended before its request reaches the application."""


def method_label(method: str) -> str:
    """A method as a label; clients may send any."""
    return method if method in METHODS else OTHER_METHOD


_FIRST = SECONDS[0]


class Tally(Histogram):
    """The answers of one kind: their seconds, and more."""

    __slots__ = ("received_bytes", "sent_bytes", "statuses")

    def __init__(self) -> None:
        super().__init__()
        self.statuses: defaultdict[int, int] = defaultdict(int)
        self.sent_bytes = 0
        self.received_bytes = 0

    def note(self, status: int, seconds: float, size: int) -> None:
        """Count an answer, with the size of its body; as `add`, but without a call for most."""
        self.statuses[status] += 1
        if seconds <= _FIRST:
            self.counts[0] += 1
        else:
            self.counts[bisect_left(SECONDS, seconds)] += 1
        self.total += seconds
        self.sent_bytes += size


class RequestFigures:
    """All answers since the start, by kind, and the connections that were refused."""

    def __init__(self) -> None:
        self.tallies: dict[tuple[str, RouteClass, CacheTier], Tally] = {}
        """By method, class of the route, and cache tier."""
        self.hits = {
            method: self.of(method, RouteClass.VARIANT, CacheTier.MEMORY)
            for method in ("GET", "HEAD")
        }
        """The tallies of responses from memory, which are found without a key."""
        self.refused: Counter[str] = Counter()
        """Refused connections by the member of `REASONS`."""

    def of(self, method: str, route: RouteClass, cache: CacheTier) -> Tally:
        """The tally of a kind of answers; clients may send any method."""
        key = (method_label(method), route, cache)
        tally = self.tallies.get(key)
        if tally is None:
            tally = self.tallies[key] = Tally()
        return tally
