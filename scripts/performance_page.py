"""`make performance`: docs/performance.md and its charts, from benchmarks/figures.json.

The same figures give the same files; a test compares them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmarks.figures import Figures
from benchmarks.report import Row
from scripts.bar_chart import Line, bar_chart

ROOT = Path(__file__).resolve().parent.parent
FIGURES = ROOT / "benchmarks" / "figures.json"
DOCS = ROOT / "docs"
RATES = (10, 50, 200)
MADE = ("cold", "upload")
"""The benches of what workers do, on all cores."""

PAGE = """# Performance

What one machine did ({machine}), with the default settings and without accounts.
Your machine is another one: [measure it](#measure-it).

`make performance` writes this page from [figures.json](../benchmarks/figures.json).
[The README of the benchmarks](../benchmarks/README.md) says what each row measures, which targets
it has, and where the time goes.

## Figures

A ratio divides what the service did by its limit, which was measured in turns with it: libvips in a
loop on all cores, or a bare uvicorn application that sends the same bytes.

| what | measured | figures |
|---|---|---|
{rows}

![{cold_title}](charts/cold.svg)

![{hot_title}](charts/hot.svg)

## How many cores

New variants and uploads are made by workers, one for each core, so that their number grows with the
cores. One core of this machine makes so many a second, and so many cores are busy with these rates:

| work | one core | {rates} |
|---|---|---|---|---|
{cores}

Plan with the rate of the busiest minute, and twice the cores, so that requests do not wait for each
other. A variant that exists comes from a cache: only variants that are made count here.

One process serves all requests. A variant in its memory needs no worker: on one core it answered
{hit} of them a second. A new variant costs this process 1 to 2 ms, so that it is the limit
from some hundred new variants a second on, with any number of cores. A proxy or a CDN that keeps
variants takes this load away.

## How much memory

| part | memory |
|---|---|
| server process, without its cache | {memory} |
| variants in memory | `memory_cache_size`, 256 MiB if not set |
| each worker, between pictures | 80 MiB |
| pictures being decoded, in all workers together | up to `decode_memory`, 2 GiB if not set |

With two workers and photographs of 16 megapixels, 1 GiB is enough. For everything that may be
uploaded, give the sum of the table. With a lower `decode_memory` fewer pictures are decoded at the
same time. The operating system uses what is left to cache originals, variants and the database.

## Measure it

```
make bench JSON=benchmarks/figures.json              # on a machine that does nothing else
make bench JSON=benchmarks/figures.json ROWS="cold"  # replaces these rows, and keeps the others
make performance
```
"""
COLD_TITLE = "New variants a second, on all cores"
HOT_TITLE = "Answers a second from memory, by one core"


def documents(figures: Figures) -> Mapping[Path, str]:
    """The contents of the page and its charts, by their paths below docs/."""
    rows = [row for group in figures.rows.values() for row in group]
    made = [row for name in MADE for row in figures.rows.get(name, ())]
    hot, cold = figures.rows["hot"], figures.rows["cold"]
    page = PAGE.format(
        machine=figures.machine,
        rows=_table((row.what, row.measured, row.raw) for row in rows),
        rates=" | ".join(f"{rate} a second" for rate in RATES),
        cores=_table(_cores(row, figures.machine.cores) for row in made),
        hit=f"{hot[0].ours:,.0f}",
        memory=_memory(figures.rows["memory"][0]),
        cold_title=COLD_TITLE,
        hot_title=HOT_TITLE,
    )
    return {
        Path("performance.md"): page,
        Path("charts/cold.svg"): bar_chart(COLD_TITLE, ("imagesvc", "libvips alone"), _lines(cold)),
        Path("charts/hot.svg"): bar_chart(HOT_TITLE, ("imagesvc", "bare uvicorn"), _lines(hot[:2])),
    }


def _table(rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cores(row: Row, cores: int) -> tuple[str, ...]:
    """What one core makes, and how many make these rates."""
    assert row.ours is not None
    of_one = row.ours / cores
    return (_label(row), f"{of_one:.1f}", *(str(math.ceil(rate / of_one)) for rate in RATES))


def _memory(row: Row) -> str:
    """What the server process takes, and while it does what."""
    figures, during = row.raw.partition(", median")[0], row.what.partition(", ")[2]
    return f"{figures} during {during}"


def _lines(rows: Iterable[Row]) -> list[Line]:
    return [
        Line(_label(row), row.ours, row.limit)
        for row in rows
        if row.ours is not None and row.limit is not None
    ]


def _label(row: Row) -> str:
    """What a row is about, without its limit."""
    return row.what.partition(" / ")[0].removeprefix("cold variants, ")


if __name__ == "__main__":
    for path, text in documents(Figures.read(FIGURES)).items():
        (DOCS / path).parent.mkdir(exist_ok=True)
        (DOCS / path).write_text(text)
