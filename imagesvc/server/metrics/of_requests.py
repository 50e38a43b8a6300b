"""Metrics of requests, and of connections that were refused before one."""

from __future__ import annotations

from collections import Counter, defaultdict

from imagesvc.api.metrics import Metric
from imagesvc.histograms import Histogram, together
from imagesvc.model.noted import CacheTier, RouteClass
from imagesvc.server.metrics.requests import REASONS, RequestFigures
from imagesvc.server.metrics.series import counter, counters, histogram


def request_metrics(figures: RequestFigures) -> list[Metric]:
    """All of them: labels are methods, classes of routes, cache tiers, statuses and reasons."""
    return [
        *_counts(figures),
        *_seconds(figures),
        *_bytes(figures),
        *counters(
            "connections_refused", "Connections refused.", "reason", figures.refused, REASONS
        ),
    ]


def _counts(figures: RequestFigures) -> list[Metric]:
    counts: Counter[tuple[str, RouteClass, int]] = Counter()
    for (method, route, _cache), tally in figures.tallies.items():
        for status, count in tally.statuses.items():
            counts[method, route, int(status)] += count
    return [
        counter(
            "requests",
            "Requests answered.",
            count,
            {"method": method, "route": route, "status": str(status)},
        )
        for (method, route, status), count in sorted(counts.items())
    ]


def _seconds(figures: RequestFigures) -> list[Metric]:
    parts: dict[tuple[RouteClass, CacheTier], list[Histogram]] = defaultdict(list)
    for (_method, route, cache), tally in figures.tallies.items():
        parts[route, cache].append(tally)
    return [
        histogram(
            "request_duration_seconds",
            "From the head of a request to the end of its response.",
            together(tallies),
            {"route": route, "cache": cache},
        )
        for (route, cache), tallies in sorted(parts.items())
    ]


def _bytes(figures: RequestFigures) -> list[Metric]:
    sent: Counter[RouteClass] = Counter()
    received: Counter[RouteClass] = Counter()
    for (_method, route, _cache), tally in figures.tallies.items():
        sent[route] += tally.sent_bytes
        received[route] += tally.received_bytes
    return [
        *counters("response_bytes", "Bytes of bodies of responses.", "route", sent),
        *counters("request_bytes", "Bytes of bodies of requests.", "route", received),
    ]
