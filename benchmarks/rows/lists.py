"""What a page of a list costs with a million images, against such a page with a thousand.

Every page on both sides has as many rows as it was asked for. So that a thousand images fill each
of them, they are spread over fewer words, tags, collections and years, and each side is asked for
its own.
"""

from __future__ import annotations

import base64
import json
import random
import shutil
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, quote, urlsplit

from benchmarks import client, plan
from benchmarks.population import DENSE, FIRST_DAY, Spread, collection_id, populate, vocabulary
from benchmarks.report import Bench, Row
from benchmarks.servers import ImageService

SMALL, LARGE, QUICK = 1_000, 1_000_000, 20_000
_TARGET = 1.5
_PAGE = 50
_OF_MONTH = 20  # rows of a month: a thousand images have some forty in each
_MANY = 300  # requests a round: the 99th percentile is the third slowest
_ROUNDS = 3

Paths = Callable[[int], list[str]]
"""The pages to ask for of the service at a port."""


@dataclass(frozen=True, slots=True)
class Side:
    """A population, and which of its words are searched, the most frequent first."""

    count: int
    spread: Spread
    searched: slice

    def pages(self) -> dict[str, Paths]:
        """What each row asks for: full pages, with these images."""
        chance = random.Random(3)
        known = vocabulary(self.spread)
        some = known.words[self.searched]
        pairs = [" ".join(chance.sample(some, 2)) for _ in range(_MANY)]
        years = range(FIRST_DAY.year, FIRST_DAY.year + self.spread.years)
        dated = [f"tags:{chance.choice(known.tags)} date:{chance.choice(years)}" for _ in pairs]
        collections = [collection_id(chance.randrange(self.spread.collections)) for _ in pairs]
        months = [f"{chance.choice(years)}-{chance.randint(2, 10):02}" for _ in pairs]
        statuses = ("failed", "succeeded", "cancelled")
        return {
            "page of 50": _same("images", [""] * _MANY),
            "deep page of 50": _deep,
            "two words": _same("images", [f"q={quote(pair)}" for pair in pairs]),
            "tag and year": _same("images", [f"q={quote(text)}" for text in dated]),
            "jobs by status": _same(
                "jobs", [f"status={statuses[n % len(statuses)]}" for n in range(_MANY)]
            ),
            "page of a collection": _same(
                "images", [f"collection={uuid.UUID(one)}" for one in collections]
            ),
            "page of a month of the timeline": _months(months),
        }


FEW = Side(SMALL, DENSE, slice(None))
MANY = Side(LARGE, Spread(), slice(10, 200))


def run(bench: Bench) -> list[Row]:
    """Fill two databases, serve both, and ask both in turns."""
    many = Side(QUICK, DENSE, slice(None)) if bench.quick else MANY
    services = [_filled(bench, side) for side in (FEW, many)]
    with services[0], services[1]:
        ports = [service.port for service in services]
        found = {
            name: _turns(ports, (few, large))
            for (name, few), large in zip(FEW.pages().items(), many.pages().values(), strict=True)
        }
    for service in services:
        shutil.rmtree(service.folder)
    return [_row(name, times, many.count) for name, times in found.items()]


def _filled(bench: Bench, side: Side) -> ImageService:
    service = ImageService(bench.fresh(f"lists-{side.count}"))
    with service:
        pass  # a start makes the other files of the data directory
    populate(service.folder / "data" / "imagesvc.db", side.count, side.spread)
    return service


def _turns(ports: Sequence[int], pages: Sequence[Paths]) -> list[list[float]]:
    """The latencies of both sides, after a round that compiles statements and reads files."""
    asked = [paths(port) for port, paths in zip(ports, pages, strict=True)]
    for port, paths in zip(ports, asked, strict=True):
        _check_full(port, paths)
    found: list[list[float]] = [[], []]
    for _round in range(_ROUNDS):
        for port, paths, times in zip(ports, asked, found, strict=True):
            times.extend(_load(port, paths).latencies)
    return found


def _check_full(port: int, paths: list[str]) -> None:
    """Raise a RuntimeError if a page has fewer rows than the others."""
    bodies = _load(port, paths, keep_bodies=True).bodies
    short = [
        f"{path}: {count}"
        for path, body in zip(paths, bodies, strict=True)
        if (count := _rows_of(body)) != _limit_of(path)
    ]
    if short:
        raise RuntimeError(f"{len(short)} of {len(paths)} pages are not full: {short[:5]}")


def _rows_of(body: bytes) -> int:
    page = json.loads(body)
    return len(page["data"] if "data" in page else page["ids"])


def _limit_of(path: str) -> int:
    return int(parse_qs(urlsplit(path).query)["limit"][0])


def _load(port: int, paths: list[str], *, keep_bodies: bool = False) -> plan.Outcome:
    requests = tuple(map(plan.get, paths))
    return client.run(plan.Plan(port, requests, 1, keep_bodies=keep_bodies)).expect(200)


def _row(name: str, times: Sequence[list[float]], count: int) -> Row:
    small, large = (
        {percent: 1000 * plan.Outcome(latencies=side).percentile(percent) for percent in (50, 99)}
        for side in times
    )
    ratio = large[99] / small[99]
    return Row(
        f"{name}: {count:,} / {SMALL:,} images, p99",
        f"≤ {_TARGET}",
        f"{ratio:.2f}",
        ratio <= _TARGET,
        f"p99 {large[99]:.1f} and {small[99]:.1f} ms, p50 {large[50]:.1f} and {small[50]:.1f} ms",
    )


def _same(resource: str, queries: list[str]) -> Paths:
    """Pages that are asked for in the same way of every service."""
    paths = [f"/api/v1/{resource}?limit={_PAGE}&{query}".rstrip("&") for query in queries]
    return lambda _port: paths


def _months(months: list[str]) -> Paths:
    paths = [f"/api/v1/timeline/{month}?limit={_OF_MONTH}" for month in months]
    return lambda _port: paths


def _deep(port: int) -> list[str]:
    """Pages all over the list: cursors with other numbers in them."""
    first = client.ask(port, f"/api/v1/images?limit={_PAGE}").json()
    chance = random.Random(5)
    cursor = first["next_cursor"]
    key, newest = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    texts = (json.dumps([key, chance.randint(60, newest)]).encode() for _ in range(_MANY))
    cursors = [base64.urlsafe_b64encode(text).decode().rstrip("=") for text in texts]
    return [f"/api/v1/images?limit={_PAGE}&cursor={cursor}" for cursor in cursors]
