"""How soon a new server answers, against the imports it cannot do without."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from benchmarks.report import Bench, Row, take_turns
from benchmarks.servers import ImageService

_IMPORTS = "import starlette, sqlalchemy, pydantic"


def run(bench: Bench) -> list[Row]:
    """Start with an empty data directory, in turns with the imports alone."""

    def imports(_number: int) -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", _IMPORTS], check=True)
        return time.perf_counter() - started

    def ready(number: int) -> float:
        service = ImageService(bench.fresh(f"start-{number}"))
        started = time.perf_counter()
        with service:
            return time.perf_counter() - started

    imports(0)  # warm: both find their files in the page cache
    ready(bench.rounds)
    turns = take_turns(bench.rounds, imports, ready)
    least, took = statistics.median(turns.limit), statistics.median(turns.ours)
    allowed = 1.5 * least + 0.5
    return [
        Row(
            "start to ready, empty data directory",
            f"≤ 1.5 x imports + 0.5 s = {allowed:.2f} s",
            f"{took:.2f} s",
            took <= allowed,
            f"imports {least:.2f} s; starts {min(turns.ours):.2f}-{max(turns.ours):.2f} s",
        )
    ]
