"""Rows in a file, from which docs/performance.md is made: those of the last run of each bench."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.report import Row


@dataclass(frozen=True, slots=True)
class Machine:
    """What the rows were measured on."""

    cores: int
    architecture: str
    python: str

    @classmethod
    def this(cls) -> Machine:
        """The one that runs this."""
        cores = len(os.sched_getaffinity(0))
        return cls(cores, platform.machine(), platform.python_version())

    def __str__(self) -> str:
        return f"Python {self.python}, {self.cores} cores, {self.architecture}"


@dataclass(frozen=True, slots=True)
class Figures:
    """The rows of each bench, by its name."""

    machine: Machine
    rows: Mapping[str, Sequence[Row]]

    @classmethod
    def read(cls, path: Path) -> Figures:
        """What a file holds."""
        found = json.loads(path.read_text())
        rows = {name: [Row(**row) for row in group] for name, group in found["rows"].items()}
        return cls(Machine(**found["machine"]), rows)

    def write(self, path: Path) -> None:
        """Write them, the same bytes for the same figures."""
        rows = {name: [asdict(row) for row in group] for name, group in self.rows.items()}
        document = {"machine": asdict(self.machine), "rows": rows}
        path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")

    def over(self, path: Path, names: Sequence[str]) -> Figures:
        """These with the rows of other benches in a file, in the order of the names.

        Figures of another machine are left out: they are no part of the same picture.
        """
        kept = Figures.read(path) if path.exists() else self
        rows = {**(kept.rows if kept.machine == self.machine else {}), **self.rows}
        return Figures(self.machine, {name: rows[name] for name in names if name in rows})
