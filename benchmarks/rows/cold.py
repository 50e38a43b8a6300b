"""Variants that nobody has asked for yet, against the same libvips calls with no server."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from benchmarks import client, plan
from benchmarks.limits import Render, RenderProcesses
from benchmarks.photos import write_png
from benchmarks.report import Bench, Row, at_least, take_turns
from benchmarks.servers import CORES, ImageService

_CONNECTIONS = 4 * len(CORES)
_WEBP = "&format=webp"


def run(bench: Bench) -> list[Row]:
    """Four photos, each as variants of about 400 px, no two alike."""
    photos = bench.photos
    folder = bench.fresh("cold")
    png = write_png(photos.detailed, folder / "large.png")
    subjects = (
        Subject("16 MP JPEG → 400 px, exact", photos.large, 60, 0.85, "&exact=1"),
        Subject("16 MP JPEG → 400 px, mezzanine", photos.large, 60, 3.0),
        Subject("16 MP progressive JPEG → 400 px, exact", photos.progressive, 16, 0.85, "&exact=1"),
        Subject("16 MP progressive JPEG → 400 px, mezzanine", photos.progressive, 16, 3.0),
        Subject("0.7 MP JPEG → 400 px", photos.small, 400, 0.85),
        Subject(
            "8 MP PNG → 400 px WebP, exact", png, 12, 0.85, "&exact=1&format=webp", suffix=".webp"
        ),
        Subject("0.7 MP JPEG → 400 px, blur 10", photos.small, 200, 0.85, "&blur=10", blur=10.0),
    )
    with ImageService(folder) as service, RenderProcesses(len(CORES)) as processes:
        return [_row(bench, service.port, processes, subject) for subject in subjects]


@dataclass(frozen=True)
class Subject:
    """A photo, how many variants of it a round makes, and what more their URLs say."""

    what: str
    photo: Path
    count: int
    target: float
    query: str = ""
    suffix: str = ".jpg"
    blur: float = 0.0

    def limit(self, render: Render) -> Render:
        """The same variant for libvips alone."""
        return replace(render, suffix=self.suffix, blur=self.blur)


def _row(bench: Bench, port: int, processes: RenderProcesses, subject: Subject) -> Row:
    photo, count = subject.photo, subject.count
    image = client.upload(port, photo)  # waits for its job, and so for the mezzanine
    variants = distinct_variants(str(photo))
    batches = [list(islice(variants, count)) for _ in range(bench.rounds + 1)]

    def ours(number: int) -> float:
        requests = tuple(
            plan.get(f"/images/{image}?w={render.width}&q={render.quality}{subject.query}")
            for render in batches[number]
        )
        return client.run(plan.Plan(port, requests, _CONNECTIONS)).expect(200).rate

    def limit(number: int) -> float:
        return count / processes.seconds([subject.limit(it) for it in batches[number]])

    ours(bench.rounds)  # both warm
    limit(bench.rounds)
    turns = take_turns(bench.rounds, limit, ours)
    what = f"cold variants, {subject.what} / libvips alone"
    return at_least(what, subject.target, turns, "variants/s")


def distinct_variants(photo: str) -> Iterator[Render]:
    """Widths around 400 and all usual qualities, shuffled; 400 px and 80 on average."""
    pairs = [(width, quality) for width in range(320, 481) for quality in range(70, 91)]
    random.Random(400).shuffle(pairs)
    return (Render(photo, width, quality=quality) for width, quality in pairs)
