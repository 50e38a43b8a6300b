"""The order of the tests, and which process of a parallel run takes which."""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter
from pathlib import Path

from xdist.scheduler import LoadFileScheduling

WAITING = (
    "test_slow_clients.py",
    "test_inline.py",
    "test_half_closed.py",
    "test_sources.py",
    "test_workers.py",
    "test_main.py",
    "test_early_answers.py",
    "test_events.py",
    "test_refused_connections.py",
    "test_purger.py",
    "test_dispatcher.py",
)
"""Files that wait for time limits, the longest first."""
BROWSER = "tests/browser/"
SLOW_FOLDERS = ("crash", "jobs", "cache", "attack", "library", "workers", "cli")
"""Those whose tests wait for other processes, the slowest first."""


def ordered(files: Iterable[Path]) -> list[Path]:
    """Files that wait are spread over a run, where others use the processors meanwhile.

    First come those with a browser, which one process of a parallel run takes. The last part has
    short files, which end at the same time in all processes.
    """
    browsing: list[Path] = []
    waiting: list[Path] = []
    slow: list[Path] = []
    others: list[Path] = []
    for path in files:
        if BROWSER in path.as_posix():
            browsing.append(path)
        elif path.name in WAITING:
            waiting.append(path)
        elif path.parent.name in SLOW_FOLDERS:
            slow.append(path)
        else:
            others.append(path)
    waiting.sort(key=lambda path: WAITING.index(path.name))
    slow.sort(key=lambda path: SLOW_FOLDERS.index(path.parent.name))
    placed = [
        (part * number / len(group), path)
        for part, group in ((0.8, waiting), (0.8, slow), (1, others))
        for number, path in enumerate(group)
    ]
    return browsing + [path for _, path in sorted(placed, key=itemgetter(0))]


class ByFile(LoadFileScheduling):  # type: ignore[misc]  # xdist has no annotations
    """One process of a parallel run takes the tests of a file, or all tests with a browser.

    The start of a browser takes as long as many of them.
    """

    def _split_scope(self, nodeid: str) -> str:
        return BROWSER if nodeid.startswith(BROWSER) else nodeid.partition("::")[0]
