"""A hundred askers of one variant that is not made yet: it is made once."""

from __future__ import annotations

from benchmarks import client, plan
from benchmarks.report import Bench, Row, take_turns
from benchmarks.servers import ImageService

_ASKERS = 100
_TARGET = 1.1


def run(bench: Bench) -> list[Row]:
    """Compare the time until all have their answer with the time of one asker."""
    with ImageService(bench.fresh("flight")) as service:
        image = client.upload(service.port, bench.photos.large)

        def seconds(width: int, askers: int) -> float:
            request = plan.get(f"/images/{image}?w={width}")
            load = plan.Plan(service.port, (request,) * askers, askers)
            return client.run(load).expect(200).seconds

        seconds(1400, 1)  # warm
        turns = take_turns(
            bench.rounds,
            lambda number: seconds(1500 + 2 * number, 1),
            lambda number: seconds(1501 + 2 * number, _ASKERS),
        )
    one, many = (1000 * sorted(side)[len(side) // 2] for side in (turns.limit, turns.ours))
    return [
        Row(
            f"{_ASKERS} askers of one cold variant / one asker",
            f"≤ {_TARGET}",
            f"{turns.ratio():.2f}",
            turns.ratio() <= _TARGET,
            f"{many:.0f} ms, one alone {one:.0f} ms; rounds {turns.spread()}",
        )
    ]
