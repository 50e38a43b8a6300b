"""A hundred clients of one variant that is not made yet: it is made once."""

from __future__ import annotations

from benchmarks import client, plan
from benchmarks.report import Bench, Row, take_turns
from benchmarks.servers import ImageService

_CLIENTS = 100
_TARGET = 1.1


def run(bench: Bench) -> list[Row]:
    """Compare the time until all have their answer with the time of one client."""
    with ImageService(bench.fresh("flight")) as service:
        image = client.upload(service.port, bench.photos.large)

        def seconds(width: int, clients: int) -> float:
            request = plan.get(f"/images/{image}?w={width}")
            load = plan.Plan(service.port, (request,) * clients, clients)
            return client.run(load).expect(200).seconds

        seconds(1400, 1)  # warm
        turns = take_turns(
            bench.rounds,
            lambda number: seconds(1500 + 2 * number, 1),
            lambda number: seconds(1501 + 2 * number, _CLIENTS),
        )
    one, many = (1000 * sorted(side)[len(side) // 2] for side in (turns.limit, turns.ours))
    return [
        Row(
            f"{_CLIENTS} clients of one cold variant / one client",
            f"≤ {_TARGET}",
            f"{turns.ratio():.2f}",
            turns.ratio() <= _TARGET,
            f"{many:.0f} ms, one alone {one:.0f} ms; rounds {turns.spread()}",
        )
    ]
