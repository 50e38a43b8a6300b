"""`make load`: run the journeys against a server of its own, or against HOST; one HTML report."""

from __future__ import annotations

import argparse
import csv
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.client import ROOT
from benchmarks.photos import gather
from benchmarks.servers import ImageService

LOCUST = ROOT / ".venv" / "load" / "bin" / "locust"
REPORTS = ROOT / "build" / "load"
LOCUSTFILE = Path(__file__).parent / "locustfile.py"


def main() -> int:
    """Run it; 1 if a limit was not held."""
    options = _options()
    REPORTS.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="load-")))
        host = options.host
        if host is None:
            server = stack.enter_context(ImageService(folder))
            host = f"http://127.0.0.1:{server.port}"
        status = subprocess.run(
            [LOCUST, "--locustfile", LOCUSTFILE, "--headless", "--host", host.rstrip("/"),
             "--users", str(options.users), "--spawn-rate", str(max(1, options.users // 5)),
             "--run-time", f"{options.seconds}s", "--only-summary", "--reset-stats",
             "--html", REPORTS / "report.html", "--csv", REPORTS / "figures"],
            env=os.environ
            | {"LOAD_PHOTO": str(gather(folder).medium), "LOAD_SLACK": str(options.slack)},
            check=False,
        ).returncode  # fmt: skip
    print(f"\n{options.users} users, {options.seconds} s\n")
    _print_table(REPORTS / "figures_stats.csv")
    print(f"\nThe report is {REPORTS / 'report.html'}")
    return status


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", help="the URL of a server; LOAD_KEY has a key for it")
    parser.add_argument("--users", type=int, default=32)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--slack", type=float, default=1.0, help="factor on the limits of times")
    return parser.parse_args()


def _print_table(figures: Path) -> None:
    """The figures as docs/monitoring.md has them."""
    print("| request | requests | failures | a second | median, ms | 95 %, ms |")
    print("|---|---|---|---|---|---|")
    with figures.open(newline="") as rows:
        for row in csv.DictReader(rows):
            name = "all" if row["Name"] == "Aggregated" else row["Name"]
            rate = float(row["Requests/s"])
            print(
                f"| {name} | {row['Request Count']} | {row['Failure Count']} | {rate:.1f} "
                f"| {row['50%']} | {row['95%']} |"
            )


if __name__ == "__main__":
    sys.exit(main())
