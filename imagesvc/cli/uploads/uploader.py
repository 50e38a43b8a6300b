"""Uploads files to a service with a progress bar, for `imagesvc upload`."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, Self, TypeVar
from urllib.parse import urljoin
from uuid import uuid4

import httpx2
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from imagesvc.cli.uploads.failures import RATE_ATTEMPTS, described, rate_pause
from imagesvc.cli.uploads.files import FoundFile, Listing
from imagesvc.client import Client, Image
from imagesvc.client.parameters import Fields
from imagesvc.errors import (
    Forbidden,
    ImagesvcError,
    NotFound,
    RateLimited,
    Unauthorized,
    text_of,
)
from imagesvc.library.importing.names import name_as_text
from imagesvc.logs import printable

P = ParamSpec("P")
T = TypeVar("T")
WAIT_SECONDS = 600.0
PRIVATE_HINT = (
    "Private images open only with a credential or by a signed URL. For URLs that everyone can "
    "open, upload with --visibility unlisted, or change the visibility of an image by PATCH."
)
HOPELESS = (httpx2.ConnectError, httpx2.TimeoutException, Unauthorized, Forbidden)
"""Errors that each further file would cause as well, after a wait or after all its bytes."""
OBSTACLES = (httpx2.ConnectError, httpx2.ConnectTimeout, Unauthorized, Forbidden)
"""Errors that concern no single file: at the first file, no upload has started."""


class NothingBegun(ImagesvcError):
    """The service cannot be reached, or refuses the key."""


@dataclass(slots=True)
class Outcome:
    """The results of all files."""

    sent: int = 0
    there_already: int = 0
    failed: int = 0
    not_sent: int = 0
    private: int = 0
    """The ids of the uploaded images."""
    is_interrupted: bool = False

    @property
    def is_complete(self) -> bool:
        """Whether the service has every file."""
        return not (self.failed or self.not_sent)

    @property
    def settled(self) -> int:
        """The number of files with a result."""
        return self.sent + self.there_already + self.failed

    def summary(self, passed_over: int) -> str:
        """The counts that are not zero, as text."""
        counts = [f"{self.sent} {'file' if self.sent == 1 else 'files'} sent"]
        for count, words in (
            (self.there_already, "there already"),
            (self.failed, "failed"),
            (self.not_sent, "not sent"),
            (passed_over, "skipped (not images)"),
        ):
            counts += [f"{count} {words}"] if count else []
        return ", ".join(counts)


@dataclass(slots=True)
class Uploader:
    """Uploads files one by one, and prints a line for each."""

    client: Client
    to: str
    fields: Fields
    wait: bool
    as_json: bool
    _console: Console = field(default_factory=lambda: Console(stderr=True))
    _has_line: set[int] = field(default_factory=set)
    """The files that have their line, each by its identity: one path may be named twice."""

    def upload_all(self, listing: Listing) -> Outcome:
        """Upload files; a failed file is reported, and the others are still sent.

        After an error that would affect all others, or an interruption, the rest is not sent.

        Raises:
            NothingBegun: the first file had such an error.
        """
        outcome = Outcome()
        try:
            with _Overall(self._console, listing) as overall:
                self._upload(listing.files, outcome, overall)
        finally:
            self._print_rest(listing)
        outcome.not_sent = len(listing.files) - outcome.settled
        for fault in listing.faults:
            self._tell(text_of(fault))
        outcome.failed += len(listing.faults)
        if len(listing.files) != 1 or listing.has_folder or outcome.is_interrupted:
            self._tell(outcome.summary(listing.passed_over + listing.sidecars))
        if outcome.private and "visibility" not in self.fields:
            self._tell(PRIVATE_HINT)
        return outcome

    def _upload(self, files: Sequence[FoundFile], outcome: Outcome, overall: _Overall) -> None:
        for position, file in enumerate(files):
            try:
                overall.begin(file)
                self._send(file, outcome, overall)
            except (ImagesvcError, httpx2.HTTPError, OSError) as error:
                if position == 0 and isinstance(error, OBSTACLES):
                    raise NothingBegun(self._described(error)) from error
                outcome.failed += 1
                self._tell(f"{file.path}: {self._described(error)}")
                self._print_unsent(file, "failed", self._described(error))
                if isinstance(error, HOPELESS):
                    return
            except KeyboardInterrupt:
                outcome.is_interrupted = True
                is_known = outcome.settled > position
                self._tell("interrupted" if is_known else f"interrupted during {file.path}")
                return
            overall.finish(file)

    def _send(self, file: FoundFile, outcome: Outcome, overall: _Overall) -> None:
        image, is_new = self._uploaded(file, overall)
        try:
            if self.wait and image.job is not None:
                _patiently(self.client.wait, image.job.id, timeout=WAIT_SECONDS)
        except KeyboardInterrupt:  # the image still exists
            self._record(file, image, outcome, is_new=is_new)
            raise
        self._record(file, image, outcome, is_new=is_new)

    def _uploaded(self, file: FoundFile, overall: _Overall) -> tuple[Image, bool]:
        """The image of a file, and whether it is new: the same upload again gives the same image.

        The service remembers an upload by its key for a time, even if its image was deleted since;
        then the next key of a sequence makes another image.
        """
        name = name_as_text(file.path)
        key = self._key_of(file, name)
        while True:
            image = _patiently(
                self.client.upload,
                file.path,
                filename=name,
                on_progress=overall.advance,
                idempotency_key=key,
                **self.fields,
            )
            if not image.is_replay:
                return image, True
            try:
                return _patiently(self.client.image, image.id), False
            except Forbidden:  # a key that may upload but not read
                return image, False
            except NotFound:
                key = hashlib.sha256(f"{key} {image.id}".encode()).hexdigest()

    def _key_of(self, file: FoundFile, name: str) -> str:
        if file.bytes is None:
            return uuid4().hex
        with file.path.open("rb") as opened:
            digest = hashlib.file_digest(opened, "sha256").hexdigest()
        said = json.dumps([digest, name, self.fields], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()

    def _record(self, file: FoundFile, image: Image, outcome: Outcome, *, is_new: bool) -> None:
        if is_new:
            outcome.sent += 1
        else:
            outcome.there_already += 1
        outcome.private += image.visibility == "private"
        self._has_line.add(id(file))
        self._print(self._line(file, image, is_new=is_new))

    def _print_rest(self, listing: Listing) -> None:
        """A line for programs about each file that has none yet."""
        for file in listing.files:
            if id(file) not in self._has_line:
                self._print_unsent(file, "not_sent")
        for fault in listing.faults:
            self._print_unsent(FoundFile(Path(fault.filename), None), "failed", text_of(fault))

    def _print_unsent(self, file: FoundFile, status: str, error: str | None = None) -> None:
        self._has_line.add(id(file))
        if self.as_json:
            members = {"status": status, "id": None, "url": None, "error": error}
            self._print(json.dumps({"file": str(file.path), **members}))

    def _print(self, line: str) -> None:
        if self._console.is_terminal and sys.stdout.isatty():
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()

    def _line(self, file: FoundFile, image: Image, *, is_new: bool) -> str:
        url = urljoin(f"{self.to.rstrip('/')}/", image.urls.original)
        if self.as_json:
            status = "sent" if is_new else "there"
            members = {"status": status, "id": str(image.id), "url": url, "error": None}
            return json.dumps({"file": str(file.path), **members})
        return f"{image.id}  {printable(url)}"

    def _described(self, error: Exception) -> str:
        return described(error, self.to)

    def _tell(self, text: str) -> None:
        self._console.print(printable(text), markup=False, highlight=False, soft_wrap=True)


class _Overall:
    """One bar for all files, on a terminal."""

    def __init__(self, console: Console, listing: Listing) -> None:
        self._bar = Progress(
            TextColumn("{task.description}", markup=False), BarColumn(),
            TextColumn("{task.fields[files]} files"), DownloadColumn(), TimeRemainingColumn(),
            console=console, disable=not console.is_terminal,
            redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip
        self._files, self._count = 0, len(listing.files)
        self._before = 0
        self._task = self._bar.add_task("", total=listing.bytes, files=f"0/{self._count}")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._bar.stop()

    def begin(self, file: FoundFile) -> None:
        """Show which file is being sent."""
        self._bar.update(self._task, description=printable(file.path.name))

    def advance(self, sent: int, _total: int) -> None:
        """Record how much of the file was sent; a retried upload begins at zero."""
        self._bar.update(self._task, completed=self._before + sent)

    def finish(self, file: FoundFile) -> None:
        """Count a file, sent or not."""
        self._files += 1
        self._before += file.bytes or 0
        files = f"{self._files}/{self._count}"
        self._bar.update(self._task, completed=self._before, files=files)


def _patiently(ask: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """The response of the service, after the pauses that its rate limits require."""
    for _ in range(RATE_ATTEMPTS - 1):
        try:
            return ask(*args, **options)
        except RateLimited as error:
            time.sleep(rate_pause(error))
    return ask(*args, **options)
