"""Figures for Prometheus: read from the parts when asked, so that counting costs nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from starlette.requests import Request
from starlette.responses import Response

from imagesvc.operations import Operation, Raw

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Figure:
    """One time series: its value now, and whether it only ever grows."""

    name: str
    meaning: str
    value: float
    labels: Labels
    is_counter: bool


@dataclass(frozen=True, slots=True)
class MetricsEndpoints:
    """The route that Prometheus scrapes."""

    figures: Callable[[], Awaitable[list[Figure]]]

    def operations(self) -> list[Operation]:
        """The operations this module serves; `app.py` concatenates them."""
        answers = {200: Raw(("text/plain",))}
        return [Operation("get_metrics", "GET", "/metrics", self.show, answers, "operation")]

    async def show(self, _request: Request) -> Response:
        """All figures, in the text format of Prometheus."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Snapshot(await self.figures()))
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Snapshot:
    """Figures as the client library wants them collected."""

    def __init__(self, figures: list[Figure]) -> None:
        self._figures = figures

    def collect(self) -> list[CounterMetricFamily | GaugeMetricFamily]:
        """One family a name, with its series."""
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for figure in self._figures:
            kind = CounterMetricFamily if figure.is_counter else GaugeMetricFamily
            family = families.setdefault(
                figure.name,
                kind(f"imagesvc_{figure.name}", figure.meaning, labels=list(figure.labels)),
            )
            family.add_metric(list(figure.labels.values()), figure.value)
        return list(families.values())
