"""Metrics for Prometheus, read from the parts at each request, so that counting is free."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from starlette.responses import Response

from imagesvc.auth.principals import Scope
from imagesvc.errors import Forbidden
from imagesvc.histograms import Histogram
from imagesvc.http.bodies.declared import TEXT, Raw
from imagesvc.http.calls import Call
from imagesvc.http.models import LenientQuery
from imagesvc.http.operations import operation

Labels = Mapping[str, str]
Family = CounterMetricFamily | GaugeMetricFamily | HistogramMetricFamily

_PROCESS = CollectorRegistry()
"""The usual metrics of the server process: its processor time, memory and descriptors."""
ProcessCollector(registry=_PROCESS)


@dataclass(frozen=True, slots=True)
class Metric:
    """One time series: its current value, and whether it is a counter."""

    name: str
    meaning: str
    value: float | Histogram
    labels: Labels
    is_counter: bool


@dataclass(frozen=True, slots=True)
class MetricsEndpoints:
    """The route that Prometheus scrapes."""

    metrics: Callable[[], Awaitable[list[Metric]]]

    @operation(
        "get_metrics", "GET", "/metrics", tag="operation", scope=Scope.READ, query=LenientQuery,
        answers={200: Raw(("text/plain",), TEXT)}, errors=(Forbidden,),
    )  # fmt: skip
    async def show(self, call: Call[LenientQuery, None]) -> Response:
        """All metrics, in the text format of Prometheus; with accounts, for admins only.

        An admin's key with the scope `read` is enough: the key in the configuration of a scraper
        should not permit more.
        """
        if not call.requester.is_operator:
            raise Forbidden("Only credentials of admins can read metrics.")
        registry = CollectorRegistry(auto_describe=False)
        registry.register(Snapshot(await self.metrics()))
        own = generate_latest(registry)
        return Response(own + generate_latest(_PROCESS), media_type=CONTENT_TYPE_LATEST)


class Snapshot:
    """A collector of metrics for the client library."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> list[Family]:
        """One family for each name, with its series."""
        plain: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        histograms: dict[str, HistogramMetricFamily] = {}
        for metric in self._metrics:
            name, names = f"imagesvc_{metric.name}", list(metric.labels)
            labels, value = list(metric.labels.values()), metric.value
            if isinstance(value, Histogram):
                family = HistogramMetricFamily(name, metric.meaning, labels=names)
                family = histograms.setdefault(name, family)
                family.add_metric(labels, list(value.cumulative()), value.total)
            else:
                kind = CounterMetricFamily if metric.is_counter else GaugeMetricFamily
                family_of_one = plain.setdefault(name, kind(name, metric.meaning, labels=names))
                family_of_one.add_metric(labels, value)
        return [*plain.values(), *histograms.values()]
