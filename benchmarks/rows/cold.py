"""Variants that nobody has asked for yet, against the same libvips calls with no server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import client, plan
from benchmarks.limits import Render, RenderProcesses
from benchmarks.photos import write_png
from benchmarks.report import Bench, Row, at_least, take_turns
from benchmarks.servers import CORES, ImageService
from benchmarks.variants import Variants

_CONNECTIONS = 4 * len(CORES)
_EXACT = "&exact=1"
_WEBP = "&exact=1&format=webp"
_BLURRED = Variants.blurred


def run(bench: Bench) -> list[Row]:
    """Photos as variants of about 400 px, and blurred at full size, no two alike."""
    photos = bench.photos
    folder = bench.fresh("cold")
    png = write_png(photos.detailed, folder / "large.png")
    subjects = (
        Subject("16 MP JPEG → 400 px, exact", photos.large, 60, 1.3, _EXACT),
        Subject("16 MP JPEG → 400 px, mezzanine", photos.large, 60, 5.0),
        Subject("16 MP progressive JPEG → 400 px, exact", photos.progressive, 16, 1.15, _EXACT),
        Subject("16 MP progressive JPEG → 400 px, mezzanine", photos.progressive, 16, 14.0),
        Subject("0.7 MP JPEG → 400 px", photos.small, 400, 1.1),
        Subject("8 MP PNG → 400 px WebP, exact", png, 12, 1.0, _WEBP, suffix=".webp"),
        Subject("1.5 MP PNG → 400 px WebP, exact", photos.png, 60, 1.0, _WEBP, suffix=".webp"),
        Subject("0.7 MP JPEG → 400 px, blur 10", photos.small, 200, 0.85, "&blur=10", blur=10.0),
        Subject("0.7 MP JPEG, full size, blur 10", photos.small, 120, 2.0, variants=_BLURRED),
        Subject("16 MP JPEG, full size, blur 10", photos.large, 16, 2.0, variants=_BLURRED),
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
    variants: Callable[[Path], Variants] = Variants.resized

    def limit(self, render: Render) -> Render:
        """The same variant for libvips alone."""
        return replace(render, suffix=self.suffix, blur=self.blur or render.blur)

    def url(self, image: str, render: Render) -> str:
        """The variant of an image."""
        size = f"w={render.width}&" if render.width else ""
        blur = f"&blur={render.blur:g}" if render.blur else ""
        return f"/images/{image}?{size}q={render.quality}{blur}{self.query}"


def _row(bench: Bench, port: int, processes: RenderProcesses, subject: Subject) -> Row:
    photo, count = subject.photo, subject.count
    image = client.upload(port, photo)  # waits for its job, and so for the mezzanine
    variants = subject.variants(photo)
    batches = [variants.take(count) for _ in range(bench.rounds + 1)]

    def ours(number: int) -> float:
        requests = tuple(plan.get(subject.url(image, render)) for render in batches[number])
        return client.cold_rate(port, requests, _CONNECTIONS)

    def limit(number: int) -> float:
        return count / processes.seconds([subject.limit(it) for it in batches[number]])

    ours(bench.rounds)  # both warm
    limit(bench.rounds)
    turns = take_turns(bench.rounds, limit, ours)
    what = f"cold variants, {subject.what} / libvips alone"
    return at_least(what, subject.target, turns, "variants/s")
