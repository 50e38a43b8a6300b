"""The command: measure the rows that are named, or all, and print their table."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks import photos
from benchmarks.figures import Figures, Machine
from benchmarks.report import HEADER, Bench, Row, lines
from benchmarks.rows import (
    cluster,
    cold,
    expensive,
    flight,
    gallery,
    hot,
    lists,
    memory,
    responsive,
    start,
    upload,
)  # fmt: skip

ROWS: dict[str, Callable[[Bench], list[Row]]] = {
    "hot": hot.run,
    "cold": cold.run,
    "flight": flight.run,
    "upload": upload.run,
    "memory": memory.run,
    "start": start.run,
    "responsive": responsive.run,
    "expensive": expensive.run,
    "lists": lists.run,
    "gallery": gallery.run,
    "cluster": cluster.run,
}


def main() -> int:
    """Measure and print; 1 when a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all if none")
    parser.add_argument("--quick", action="store_true", help="few rounds: does it run at all?")
    parser.add_argument("--folder", type=Path, help="where the temporary folder is made")
    parser.add_argument("--json", type=Path, help="a file that gets the rows, beside those it has")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.rows if name not in ROWS]
    if unknown:
        parser.error(f"no such row: {', '.join(unknown)}; there are {', '.join(ROWS)}")

    found: dict[str, list[Row]] = {}
    machine = Machine.this()
    print(f"{machine}\n\n{HEADER}")
    with tempfile.TemporaryDirectory(prefix="imagesvc-bench-", dir=arguments.folder) as folder:
        bench = Bench(Path(folder), photos.gather(Path(folder)), arguments.quick)
        for name in arguments.rows or ROWS:
            started = time.monotonic()
            found[name] = ROWS[name](bench)
            print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr)
            print(lines(found[name]), flush=True)
            if arguments.json is not None:
                measured = Figures(machine, found)
                measured.over(arguments.json, list(ROWS)).write(arguments.json)
    return 0 if all(row.passed for group in found.values() for row in group) else 1


if __name__ == "__main__":
    sys.exit(main())
