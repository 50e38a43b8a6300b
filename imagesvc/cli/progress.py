"""The progress of long commands, on a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class Bar:
    """A bar on a terminal; elsewhere nothing is shown."""

    def __init__(self, progress: Progress) -> None:
        """Show it on a console."""
        self._progress = progress
        self._task = progress.add_task("starting", total=None)

    def __call__(self, step: str, done: int, total: int) -> None:
        """Show how much of a step is done."""
        self._progress.update(
            self._task, description=step, completed=done, total=total or None, refresh=False
        )


@contextmanager
def progress_bar() -> Iterator[Bar]:
    """A bar while the context lasts."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bars:
        yield Bar(bars)
