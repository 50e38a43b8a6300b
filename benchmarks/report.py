"""What the benches find: rows, and the table they make."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.photos import Photos


@dataclass(frozen=True, slots=True)
class Bench:
    """What every row is given."""

    folder: Path  # temporary; everything a row writes lies below it
    photos: Photos
    quick: bool

    @property
    def rounds(self) -> int:
        """How often limit and service take turns."""
        return 2 if self.quick else 7

    def fresh(self, name: str) -> Path:
        """A new folder for one server."""
        folder = self.folder / name
        folder.mkdir()
        return folder


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    what: str
    target: str
    measured: str
    passed: bool
    raw: str
    ours: float | None = None
    """For a ratio of two rates: what was measured, and the limit that it is divided by."""
    limit: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Turns:
    """What limit and service came to, round by round."""

    limit: tuple[float, ...]
    ours: tuple[float, ...]

    def ratio(self) -> float:
        """The median over the rounds of service / limit."""
        return statistics.median(o / b for o, b in zip(self.ours, self.limit, strict=True))

    def spread(self) -> str:
        """The lowest and the highest of the rounds' ratios."""
        ratios = [o / b for o, b in zip(self.ours, self.limit, strict=True)]
        return f"{min(ratios):.2f}-{max(ratios):.2f}"


def take_turns(rounds: int, limit: Callable[[int], float], ours: Callable[[int], float]) -> Turns:
    """Measure both in every round, so that a machine that slows down slows both.

    Who goes first alternates too. Each is given the number of the round.
    """
    limits: list[float] = []
    figures: list[float] = []
    for number in range(rounds):
        first, second = ((limit, limits), (ours, figures))[:: 1 if number % 2 == 0 else -1]
        for measure, found in (first, second):
            found.append(measure(number))
    return Turns(tuple(limits), tuple(figures))


def at_least(what: str, target: float, turns: Turns, unit: str, scale: float = 1.0) -> Row:
    """The row of a ratio that has to reach `target`, both sides given in `unit`."""
    limit, ours = (statistics.median(side) * scale for side in (turns.limit, turns.ours))
    return Row(
        what,
        f"≥ {target:.2f}",
        f"{turns.ratio():.2f}",
        turns.ratio() >= target,
        f"{ours:,.1f} of {limit:,.1f} {unit}; rounds {turns.spread()}",
        round(ours, 1),
        round(limit, 1),
        unit,
    )


HEADER = "| what | target | measured | verdict | figures |\n|---|---|---|---|---|"
"""The first two lines of the Markdown table of rows."""


def lines(rows: Sequence[Row]) -> str:
    """The lines of rows in that table."""
    return "\n".join(
        f"| {row.what} | {row.target} | {row.measured} | "
        f"{'met' if row.passed else '**missed**'} | {row.raw} |"
        for row in rows
    )
