"""How soon ordinary requests are answered while twenty expensive renderings are asked for."""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks import client, plan
from benchmarks.photos import distinct
from benchmarks.report import Bench, Row
from benchmarks.rows.responsive import probe, probe_row
from benchmarks.servers import ImageService

_EXPENSIVE_REQUESTS = 20
_EXPENSIVE = "w={}&h=2400&fit=fill&enlarge=1&format=webp&lossless=1&blur=2"
"""Several seconds each, and within the time limit."""
_TARGET_SECONDS = 3.0


def run(bench: Bench) -> list[Row]:
    """Probe hot paths and make new work beside twenty connections that want expensive variants."""
    with ImageService(bench.fresh("expensive"), transform_timeout="10m") as service:
        image = client.upload(service.port, bench.photos.small)
        hit = f"/images/{image}/thumbnail"
        client.ask(service.port, hit)
        renders = tuple(
            plan.get(f"/images/{image}?{_EXPENSIVE.format(width)}") for width in range(2400, 3400)
        )
        busy = client.LoadProcess(plan.Plan(service.port, renders, _EXPENSIVE_REQUESTS))
        _wait_until_busy(service.port)
        probes = {
            path: client.LoadProcess(probe(bench, service.port, path)) for path in ("/healthz", hit)
        }
        count = 5 if bench.quick else 40
        uploads = _timed(count, lambda number: _upload(bench, service.port, number))
        widths = _timed(count, lambda number: _render(service.port, image, 200 + number))
        outcomes = {path: process.finish().expect(200) for path, process in probes.items()}
        if not busy.is_running():
            raise RuntimeError("the expensive requests ended before the probes")
        busy.stop()
    beside = f"beside {_EXPENSIVE_REQUESTS} expensive requests"
    return [
        probe_row(f"/healthz, {beside}, p99", outcomes["/healthz"]),
        probe_row(f"hot thumbnail, {beside}, p99", outcomes[hit]),
        _row(f"upload and its thumbnail, {beside}, worst", uploads),
        _row(f"new size of 0.75 MP, {beside}, worst", widths),
    ]


def _wait_until_busy(port: int) -> None:
    deadline = time.monotonic() + 60
    while client.metric(port, "renders_waiting") < _EXPENSIVE_REQUESTS - 2:
        if time.monotonic() > deadline:
            raise RuntimeError("the expensive requests do not wait for workers")
        time.sleep(0.05)


def _upload(bench: Bench, port: int, number: int) -> None:
    body = distinct(bench.photos.small, number)
    answer = client.ask(port, "/api/v1/images", "POST", body, {"Content-Type": "image/jpeg"})
    _check(answer, 201)
    _check(client.ask(port, f"/images/{answer.json()['id']}/thumbnail"), 200)


def _render(port: int, image: str, width: int) -> None:
    _check(client.ask(port, f"/images/{image}?w={width}"), 200)


def _check(answer: client.Answer, status: int) -> None:
    if answer.status != status:
        raise RuntimeError(f"expected {status}, got {answer.status} {answer.body[:300]!r}")


def _timed(count: int, act: Callable[[int], None]) -> list[float]:
    """Seconds that each of so many acts took, one after the other."""
    times = []
    for number in range(count):
        began = time.perf_counter()
        act(number)
        times.append(time.perf_counter() - began)
    return times


def _row(what: str, times: list[float]) -> Row:
    worst, median = max(times), sorted(times)[len(times) // 2]
    return Row(
        what,
        f"< {_TARGET_SECONDS:.0f} s",
        f"{worst:.2f} s",
        worst < _TARGET_SECONDS,
        f"median {median:.2f} s of {len(times)}",
    )
