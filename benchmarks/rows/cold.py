"""Variants that nobody has asked for yet, against the same libvips calls with no server."""

from __future__ import annotations

from benchmarks import client, plan
from benchmarks.limits import RenderProcesses
from benchmarks.photos import write_png
from benchmarks.report import Bench, Row, at_least, take_turns
from benchmarks.servers import CORES, ImageService
from benchmarks.subjects import Subject
from benchmarks.variants import Variants

_CONNECTIONS = 4 * len(CORES)


def run(bench: Bench) -> list[Row]:
    """Photos as variants of about 400 px, and blurred at full size, no two alike."""
    photos = bench.photos
    folder = bench.fresh("cold")
    png = write_png(photos.detailed, folder / "large.png")
    resized, blurred = Variants.resized, Variants.blurred
    large, progressive, small = photos.large, photos.progressive, photos.small
    subjects = (
        Subject("16 MP JPEG → 400 px, exact", large, 60, 1.3, resized(large), is_exact=True),
        Subject("16 MP JPEG → 400 px, mezzanine", large, 60, 5.0, resized(large)),
        Subject("16 MP progressive JPEG → 400 px, exact", progressive, 16, 1.15,
                resized(progressive), is_exact=True),
        Subject("16 MP progressive JPEG → 400 px, mezzanine", progressive, 16, 14.0,
                resized(progressive)),
        Subject("0.7 MP JPEG → 400 px", small, 400, 1.1, resized(small)),
        Subject("8 MP PNG → 400 px WebP, exact", png, 12, 1.0, resized(png, suffix=".webp"),
                is_exact=True),
        Subject("1.5 MP PNG → 400 px WebP, exact", photos.png, 60, 1.0,
                resized(photos.png, suffix=".webp"), is_exact=True),
        Subject("0.7 MP JPEG → 400 px, blur 10", small, 200, 0.85, resized(small, blur=10.0)),
        Subject("0.7 MP JPEG, full size, blur 10", small, 120, 2.0, blurred(small)),
        Subject("16 MP JPEG, full size, blur 10", large, 16, 2.0, blurred(large)),
    )  # fmt: skip
    with ImageService(folder) as service, RenderProcesses(len(CORES)) as processes:
        return [_row(bench, service.port, processes, subject) for subject in subjects]


def _row(bench: Bench, port: int, processes: RenderProcesses, subject: Subject) -> Row:
    count = subject.count
    image = client.upload(port, subject.photo)  # waits for its job, and so for the mezzanine
    batches = [subject.variants.take(count) for _ in range(bench.rounds + 1)]

    def ours(number: int) -> float:
        requests = tuple(plan.get(subject.path(image, render)) for render in batches[number])
        return client.cold_rate(port, requests, _CONNECTIONS)

    def limit(number: int) -> float:
        return count / processes.seconds(batches[number])

    ours(bench.rounds)  # both warm
    limit(bench.rounds)
    turns = take_turns(bench.rounds, limit, ours)
    what = f"cold variants, {subject.what} / libvips alone"
    return at_least(what, subject.target, turns, "variants/s")
