"""What a page of a list costs with a million images, against the same page with a thousand."""

from __future__ import annotations

import base64
import json
import random
import shutil
from collections.abc import Callable
from urllib.parse import quote

from benchmarks import client, plan
from benchmarks.population import collection_id, populate, vocabulary
from benchmarks.report import Bench, Row
from benchmarks.servers import ImageService

SMALL, LARGE = 1_000, 1_000_000
_TARGET = 1.5
_MANY = 300  # requests a round: the 99th percentile is the third slowest
_ROUNDS = 3
_COMMON, _RARE = 10, 300  # places in the vocabulary, the most frequent first

Paths = Callable[[int], list[str]]


def run(bench: Bench) -> list[Row]:
    """Fill two databases, serve both, and ask both in turns."""
    large = 20_000 if bench.quick else LARGE
    kinds = _kinds()
    found: dict[str, dict[int, list[float]]] = {name: {SMALL: [], large: []} for name in kinds}
    services = {}
    for count in (SMALL, large):
        folder = bench.fresh(f"lists-{count}")
        (folder / "data").mkdir()
        populate(folder / "data" / "imagesvc.db", count)
        services[count] = ImageService(folder)
    with services[SMALL], services[large]:
        for name, paths in kinds.items():
            for count in (SMALL, large):  # warm: statements compiled, pages of the file read
                _latencies(services[count].port, paths(services[count].port))
            for _round in range(_ROUNDS):
                for count in (SMALL, large):
                    port = services[count].port
                    found[name][count] += _latencies(port, paths(port))
    for count in (SMALL, large):
        shutil.rmtree(services[count].folder)
    return [_row(name, times[SMALL], times[large], large) for name, times in found.items()]


def _latencies(port: int, paths: list[str]) -> list[float]:
    requests = tuple(map(plan.get, paths))
    return client.run(plan.Plan(port, requests, 1)).expect(200).latencies


def _row(name: str, small: list[float], large: list[float], count: int) -> Row:
    p50s, p99s = ([1000 * _percentile(times, p) for times in (small, large)] for p in (50, 99))
    ratio = p99s[1] / p99s[0]
    return Row(
        f"{name}: {count:,} / {SMALL:,} images, p99",
        f"≤ {_TARGET}",
        f"{ratio:.2f}",
        ratio <= _TARGET,
        f"p99 {p99s[1]:.1f} and {p99s[0]:.1f} ms, p50 {p50s[1]:.1f} and {p50s[0]:.1f} ms",
    )


def _percentile(times: list[float], percent: int) -> float:
    return plan.Outcome(latencies=times).percentile(percent)


def _kinds() -> dict[str, Paths]:
    """The same questions for both, but for the depth of their deep pages."""
    chance = random.Random(3)
    known = vocabulary()
    some = known.words[_COMMON:_RARE]
    pairs = [" ".join(chance.sample(some, 2)) for _ in range(_MANY)]
    dated = [f"tags:{chance.choice(known.tags)} date:{chance.randint(2010, 2025)}" for _ in pairs]
    collections = [collection_id(chance.randrange(50)) for _ in pairs]
    dashed = [f"{c[:8]}-{c[8:12]}-{c[12:16]}-{c[16:20]}-{c[20:]}" for c in collections]
    failed = ["failed", "succeeded", "cancelled"]

    def same(paths: list[str]) -> Paths:
        return lambda _port: paths

    return {
        "page of 50": same(["/api/v1/images?limit=50"] * _MANY),
        "deep page of 50": _deep,
        "two words": same([f"/api/v1/images?q={quote(pair)}" for pair in pairs]),
        "tag and year": same([f"/api/v1/images?q={quote(text)}" for text in dated]),
        "jobs by status": same(
            [f"/api/v1/jobs?status={failed[n % 3]}&limit=50" for n in range(_MANY)]
        ),
        "page of a collection": same(
            [f"/api/v1/images?collection={one}&limit=50" for one in dashed]
        ),
    }


def _deep(port: int) -> list[str]:
    """Pages all over the list: cursors with other numbers in them."""
    first = client.ask(port, "/api/v1/images?limit=50").json()
    chance = random.Random(5)
    cursor = first["next_cursor"]
    key, newest = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    texts = (json.dumps([key, chance.randint(60, newest)]).encode() for _ in range(_MANY))
    cursors = [base64.urlsafe_b64encode(text).decode().rstrip("=") for text in texts]
    return [f"/api/v1/images?limit=50&cursor={cursor}" for cursor in cursors]
