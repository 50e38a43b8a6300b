"""How soon the timeline is seen in a browser, and how smoothly it scrolls, with many images."""

from __future__ import annotations

import contextlib
import hashlib
import math
import shutil
import sqlite3
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, ViewportSize, sync_playwright

from benchmarks.photos import cropped, distinct
from benchmarks.population import SIZES, Spread, populate
from benchmarks.report import Bench, Row
from benchmarks.servers import ImageService
from benchmarks.traces import CATEGORIES, tasks_of
from tests.chromium import PROGRAMS

FEW, MANY, QUICK = 10_000, 100_000, 1_000
FIRST_PAINT, FIRST_PICTURES, LONGEST_TASK, MOST_TILES = 500, 1_000, 50, 300
"""Milliseconds, and tiles in the document."""
SCROLL_SECONDS = 10
PIXELS_A_SECOND = 10_000
"""Twelve screens a second: faster than a finger scrolls."""
FILES, FILE_PIXELS = 250, 1_500_000
"""How many files there are of each size, and how large their pictures are."""
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
VIEWPORT: ViewportSize = {"width": 1280, "height": 800}
FIRST_SCREEN = """() => new Promise((done) => {
  const isShown = (it) => {
    const {top, bottom} = it.getBoundingClientRect();
    return bottom > 0 && top < innerHeight;
  };
  const isDrawn = (it) => it.querySelector("img")?.complete && it.querySelector("img").naturalWidth;
  const look = () => {
    const shown = [...document.querySelectorAll(".tile")].filter(isShown);
    if (shown.length > 8 && shown.every(isDrawn)) {
      const [paint] = performance.getEntriesByName("first-contentful-paint");
      done([paint.startTime, performance.now(), shown.length]);
    } else requestAnimationFrame(look);
  };
  look();
})"""
"""Milliseconds to the first paint and to the pictures of the first screen, and their number."""
SCROLL = """([seconds, speed]) => new Promise((done) => {
  let tiles = 0, frames = 0;
  const began = performance.now();
  const step = (now) => {
    const elapsed = (now - began) / 1000;
    tiles = Math.max(tiles, document.querySelectorAll(".tile").length);
    frames += 1;
    if (elapsed < seconds) {
      scrollTo(0, speed * elapsed);
      requestAnimationFrame(step);
    } else setTimeout(() => done([tiles, frames]), 500);
  };
  requestAnimationFrame(step);
})"""
"""Scrolls from the top: most tiles at once, and frames."""


@dataclass(frozen=True, slots=True)
class Screen:
    """What a visit of the timeline took, in milliseconds."""

    paint: float
    pictures: float
    tiles: int


def run(bench: Bench) -> list[Row]:
    """Fill two data directories with files, and visit both."""
    few, many = (QUICK, QUICK) if bench.quick else (FEW, MANY)
    with _browser() as browser:
        return [*_first_screens(bench, browser, few), *_scrolled(bench, browser, many)]


def _first_screens(bench: Bench, browser: Browser, count: int) -> list[Row]:
    """The first visit makes its variants; the later ones find them, as users who come again do."""
    service = _filled(bench, count)
    with service:
        first, *later = [_visit(browser, service.port) for _ in range(1 + bench.rounds)]
    shutil.rmtree(service.folder)
    paints, pictures = ([getattr(it, name) for it in later] for name in ("paint", "pictures"))
    return [
        _within(f"timeline of {count:,} images, first paint", FIRST_PAINT, paints),
        _within(f"its first {first.tiles} pictures", FIRST_PICTURES, pictures),
        _within("the same, not made before", FIRST_PICTURES, [first.pictures]),
    ]


def _scrolled(bench: Bench, browser: Browser, count: int) -> list[Row]:
    service = _filled(bench, count)
    with service, browser.new_context(viewport=VIEWPORT) as context:
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{service.port}/")
        page.evaluate(FIRST_SCREEN)
        browser.start_tracing(page=page, categories=list(CATEGORIES))
        tiles, frames = page.evaluate(SCROLL, [SCROLL_SECONDS, PIXELS_A_SECOND])
        tasks = tasks_of(browser.stop_tracing())
    shutil.rmtree(service.folder)
    what = f"timeline of {count:,} images, scrolled for {SCROLL_SECONDS} s"
    longest = max(task.processor for task in tasks)
    wall = max(task.wall for task in tasks)
    return [
        Row(
            f"{what}, longest task", f"≤ {LONGEST_TASK} ms", f"{longest:.0f} ms",
            longest <= LONGEST_TASK,
            f"processor time; {wall:.0f} ms by the clock, {frames / SCROLL_SECONDS:.0f} frames/s",
        ),
        Row(f"{what}, tiles at once", f"≤ {MOST_TILES}", str(tiles), tiles <= MOST_TILES, ""),
    ]  # fmt: skip


@contextlib.contextmanager
def _browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        raise RuntimeError("Chromium is not installed: apt-get install chromium-headless-shell")
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield launched
        launched.close()


def _visit(browser: Browser, port: int) -> Screen:
    with browser.new_context(viewport=VIEWPORT) as context:  # with an empty cache
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{port}/", wait_until="commit")
        return Screen(*page.evaluate(FIRST_SCREEN))


def _filled(bench: Bench, count: int) -> ImageService:
    """A service with so many images."""
    service = ImageService(bench.fresh(f"gallery-{count}"))
    with service:
        pass  # a start makes the other files of the data directory
    data = service.folder / "data"
    populate(data / "imagesvc.db", count, Spread())
    connection = sqlite3.connect(data / "imagesvc.db")
    for size in SIZES:
        _give_files(bench, connection, data / "blobs", size)
    connection.commit()
    connection.close()
    return service


def _give_files(
    bench: Bench, connection: sqlite3.Connection, blobs: Path, size: tuple[int, int]
) -> None:
    """Let all images of a size have files that are smaller, a few hundred for all of them."""
    scale = math.sqrt(FILE_PIXELS / math.prod(size))
    width, height = (round(scale * pixels) for pixels in size)
    picture = cropped(bench.photos.detailed, blobs.parent / "picture.jpg", (width, height))
    rows = connection.execute(
        "SELECT sha256 FROM images WHERE width = ? AND height = ?", size
    ).fetchall()
    for number, (digest,) in enumerate(rows[:FILES]):
        content = distinct(picture, number)
        made = hashlib.sha256(content).hexdigest()
        place = blobs / made[:2] / made[2:4] / made
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        connection.execute(
            "UPDATE blobs SET sha256 = ?, bytes = ? WHERE sha256 = ?",
            (made, len(content), digest),
        )
        connection.executemany(
            "UPDATE images SET sha256 = ?, bytes = ?, width = ?, height = ? WHERE sha256 = ?",
            [(made, len(content), width, height, old) for (old,) in rows[number::FILES]],
        )
    picture.unlink()


def _within(what: str, target: int, times: Sequence[float]) -> Row:
    took = statistics.median(times)
    raw = f"visits {min(times):.0f}-{max(times):.0f} ms" if len(times) > 1 else "one visit"
    return Row(what, f"≤ {target} ms", f"{took:.0f} ms", took <= target, raw)
