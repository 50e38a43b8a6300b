"""Metrics, made of a name, a meaning and a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from imagesvc.api.metrics import Labels, Metric
from imagesvc.histograms import Histogram

Value = TypeVar("Value", bound=int | str)


def counter(name: str, meaning: str, value: float, labels: Labels | None = None) -> Metric:
    """A count since the start; its name gets the end `_total`."""
    return Metric(name, meaning, value, labels or {}, is_counter=True)


def gauge(name: str, meaning: str, value: float, labels: Labels | None = None) -> Metric:
    """A value of now."""
    return Metric(name, meaning, value, labels or {}, is_counter=False)


def histogram(name: str, meaning: str, value: Histogram, labels: Labels | None = None) -> Metric:
    """How values since the start are distributed."""
    return Metric(name, meaning, value, labels or {}, is_counter=True)


def counters(
    name: str, meaning: str, label: str, counts: Mapping[Value, int], known: Iterable[Value] = ()
) -> list[Metric]:
    """A counter for each value of a label; those that are known exist before their first count.

    Prometheus does not see an increase in a series that begins with 1.
    """
    values = sorted({*counts, *known})
    return [counter(name, meaning, counts.get(it, 0), {label: str(it)}) for it in values]
