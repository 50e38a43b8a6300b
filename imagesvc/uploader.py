"""Files to a service anywhere, with a progress bar: what `imagesvc upload` does."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import httpx
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from imagesvc.client import Client, Image
from imagesvc.client.calls import Fields
from imagesvc.errors import ImagesvcError, Unauthorized, text_of

WAIT_SECONDS = 600.0
KEY_HINT = " Set --key or IMAGESVC_KEY; on the server's machine, --data-dir does instead of a key."


@dataclass(frozen=True, slots=True)
class Uploader:
    """Uploads files one by one, and prints a line for each."""

    client: Client
    to: str
    fields: Fields
    wait: bool
    as_json: bool

    def upload_all(self, files: Sequence[Path]) -> int:
        """Upload files; one that fails is named, and touches no other. How many failed."""
        console = Console(stderr=True)
        bar = Progress(
            TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(),
            TimeRemainingColumn(), console=console, disable=not console.is_terminal,
        )  # fmt: skip
        failed = 0
        with bar:
            for path in files:
                try:
                    line = self._line(path, self._uploaded(path, bar))
                except (ImagesvcError, httpx.HTTPError, OSError) as error:
                    failed += 1
                    text = f"{path}: {self._described(error)}"
                    console.print(text, markup=False, highlight=False, soft_wrap=True)
                    continue
                sys.stdout.write(f"{line}\n")
        return failed

    def _described(self, error: Exception) -> str:
        if isinstance(error, httpx.TransportError):
            reason = re.sub(r"\[Errno -?\d+\] ", "", str(error)) or type(error).__name__
            return f"{self.to} cannot be reached: {reason}"
        return f"{text_of(error)}{KEY_HINT if isinstance(error, Unauthorized) else ''}"

    def _uploaded(self, path: Path, bar: Progress) -> Image:
        task = bar.add_task(path.name, total=path.stat().st_size)
        image = self.client.upload(
            path,
            on_progress=lambda sent, total: bar.update(task, completed=sent, total=total),
            **self.fields,
        )
        if self.wait and image.job is not None:
            self.client.wait(image.job.id, timeout=WAIT_SECONDS)
        return image

    def _line(self, path: Path, image: Image) -> str:
        url = urljoin(f"{self.to.rstrip('/')}/", image.urls.original)
        if self.as_json:
            return json.dumps({"file": str(path), "id": str(image.id), "url": url})
        return f"{image.id}  {url}"
