"""Figures of benches in a file, and the page that is made of them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from benchmarks.figures import Figures, Machine
from benchmarks.report import Row, Turns, at_least
from scripts.bar_chart import Line, bar_chart
from scripts.performance_page import DOCS, FIGURES, documents

MACHINE = Machine(2, "x86_64", "3.11.7")


def row(what: str) -> Row:
    """The row of a ratio."""
    return at_least(what, 1.0, Turns((100.0, 100.0), (80.0, 120.0)), "variants/s")


@pytest.mark.parametrize("path", documents(Figures.read(FIGURES)))
def test_the_page_is_that_of_the_figures(path: Path) -> None:
    """`make performance` writes it again."""
    assert (DOCS / path).read_text() == documents(Figures.read(FIGURES))[path]


def test_the_page_has_every_figure() -> None:
    """Those of each row, and the cores for each kind of work, rounded up."""
    page = documents(Figures.read(FIGURES))[Path("performance.md")]

    for group in Figures.read(FIGURES).rows.values():
        for one in group:
            assert f"| {one.what} | {one.measured} | {one.raw} |" in page
    uploads = next(one for one in Figures.read(FIGURES).rows["upload"])
    assert uploads.ours is not None
    cores = re.search(r"\| uploads of .+? \| [\d.]+ \| \d+ \| (\d+) \|", page)
    assert cores is not None
    per_core = uploads.ours / Figures.read(FIGURES).machine.cores
    assert (int(cores[1]) - 1) * per_core < 50 <= int(cores[1]) * per_core


def test_rows_replace_those_of_the_same_bench(tmp_path: Path) -> None:
    """The rows of other benches stay, in the order of the names."""
    path = tmp_path / "figures.json"
    Figures(MACHINE, {"hot": [row("h")], "cold": [row("old")]}).write(path)

    figures = Figures(MACHINE, {"upload": [row("u")], "cold": [row("new")]})
    figures.over(path, ["hot", "cold", "upload"]).write(path)

    found = Figures.read(path)
    assert found.machine == MACHINE
    assert list(found.rows) == ["hot", "cold", "upload"]
    assert [one.what for group in found.rows.values() for one in group] == ["h", "new", "u"]
    assert found.rows["cold"] == [row("new")]


def test_rows_of_another_machine_are_not_kept(tmp_path: Path) -> None:
    """A page is about one machine."""
    path = tmp_path / "figures.json"
    Figures(MACHINE, {"hot": [row("h")]}).write(path)

    figures = Figures(replace(MACHINE, cores=8), {"cold": [row("c")]}).over(path, ["hot", "cold"])

    assert list(figures.rows) == ["cold"]


def test_bars_are_as_long_as_their_values() -> None:
    """The longest takes the whole width; text is escaped."""
    chart = bar_chart("A & B", ("ours", "<limit>"), [Line("x", 50, 200), Line("y", 100, 0)])

    root = ET.fromstring(chart)
    bars = [float(bar.attrib["width"]) for bar in root.iter() if bar.attrib.get("height") == "14"]
    longest = max(bars)
    assert bars == pytest.approx([longest / 4, longest, longest / 2, 0], abs=0.1)
    texts = [part.text for part in root.iter() if part.tag.endswith("text")]
    assert {"A & B", "<limit>", "x", "50.0", "200"} <= set(texts)
