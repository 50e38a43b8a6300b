"""What `imagesvc import` shows: a bar on a terminal, lines for programs, and the summary."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import Self

from rich import progress
from rich.console import Console

from imagesvc.cli.uploads.files import FoundFile, Listing
from imagesvc.errors import text_of
from imagesvc.logs import printable


@dataclass(slots=True)
class Progress:
    """Shows the results of files as they come."""

    listing: Listing
    is_json: bool
    is_dry_run: bool
    console: Console = field(default_factory=lambda: Console(stderr=True))
    _done: set[int] = field(default_factory=set)
    """The files that have a result, each by its identity: one path may be named twice."""
    _bar: progress.Progress = field(init=False)
    _task: progress.TaskID = field(init=False)

    def __post_init__(self) -> None:
        self._bar = progress.Progress(
            progress.TextColumn("{task.description}", markup=False), progress.BarColumn(),
            progress.TextColumn("{task.fields[files]} files"), progress.DownloadColumn(),
            progress.TimeRemainingColumn(), console=self.console,
            disable=not self.console.is_terminal, redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip
        files = f"0/{len(self.listing.files):,}"
        self._task = self._bar.add_task("", total=self.listing.bytes, files=files)

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._bar.stop()

    def done(self, file: FoundFile, status: str, collection: str = "", error: str = "") -> None:
        """Count a file with its result."""
        self._done.add(id(file))
        files = f"{len(self._done):,}/{len(self.listing.files):,}"
        name = printable(file.path.name)
        self._bar.update(self._task, advance=file.bytes or 0, files=files, description=name)
        if self.is_json:
            self._print_result(str(file.path), status, collection, error)
        elif self.is_dry_run and status == "imported":
            where = f" → {collection}" if collection else ""
            self._print(printable(f"{file.path}{where}"))

    def finish(self) -> None:
        """Print a line for programs about each file that has none yet: all have one then."""
        if not self.is_json:
            return
        for file in self.listing.files:
            if id(file) not in self._done:
                self._print_result(str(file.path), "not_sent")
        for fault in self.listing.faults:
            self._print_result(str(fault.filename), "failed", error=text_of(fault))

    def tell(self, text: str) -> None:
        """Say something above the bar."""
        self.console.print(printable(text), markup=False, highlight=False, soft_wrap=True)

    def _print_result(self, file: str, status: str, collection: str = "", error: str = "") -> None:
        members = {"collection": collection or None, "error": error or None}
        self._print(json.dumps({"file": file, "status": status, **members}))

    def _print(self, line: str) -> None:
        if self.console.is_terminal and sys.stdout.isatty():
            self.console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            sys.stdout.write(f"{line}\n")
