"""How soon the server answers small questions while every worker is busy."""

from __future__ import annotations

from benchmarks import client, plan
from benchmarks.report import Bench, Row
from benchmarks.servers import CORES, ImageService

_TARGET_SECONDS = 0.050


def run(bench: Bench) -> list[Row]:
    """Probe a hundred times a second, beside more large renders than there are workers."""
    with ImageService(bench.fresh("responsive")) as service:
        image = client.upload(service.port, bench.photos.large)
        hit = f"/images/{image}/thumbnail"
        client.ask(service.port, hit)
        renders = tuple(
            plan.get(f"/images/{image}?w={width}&q={quality}")
            for width in range(1500, 1600)
            for quality in range(70, 90)
        )
        busy = client.LoadProcess(plan.Plan(service.port, renders, 3 * len(CORES)))
        probes = {
            path: client.LoadProcess(probe(bench, service.port, path)) for path in ("/healthz", hit)
        }
        outcomes = {path: process.finish().expect(200) for path, process in probes.items()}
        if not busy.is_running():
            raise RuntimeError("the renders ended before the probes; they measured nothing")
        busy.stop()
    return [
        probe_row("/healthz, all workers busy, p99", outcomes["/healthz"]),
        probe_row("memory hit, all workers busy, p99", outcomes[hit]),
    ]


def probe(bench: Bench, port: int, path: str) -> plan.Plan:
    """Ask for a path a hundred times a second."""
    seconds = 3.0 if bench.quick else 12.0
    request = (plan.get(path),)
    return plan.Plan(port, request, 1, seconds=seconds, warmup_seconds=1.0, pause_seconds=0.01)


def probe_row(what: str, outcome: plan.Outcome) -> Row:
    """The row of a path that was probed."""
    p50, p99, worst = (1000 * outcome.percentile(percent) for percent in (50, 99, 100))
    return Row(
        what,
        f"< {1000 * _TARGET_SECONDS:.0f} ms",
        f"{p99:.1f} ms",
        p99 < 1000 * _TARGET_SECONDS,
        f"p50 {p50:.1f} ms, worst {worst:.1f} ms, {outcome.count} probes",
    )
