"""Whether files can be made in the data directory: tried, since permissions are not enough."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from anyio import to_thread

from imagesvc.errors import DiskUnavailable, ImagesvcError, text_of
from imagesvc.outages.outage import Outage
from imagesvc.outages.trials import Trials
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.files import FULL, named_error

PAUSE_SECONDS = 2.0
"""The minimum time between two attempts, for any rate of readiness checks."""


class WriteProbe:
    """Makes and removes a file in `tmp/`.

    A file system that turned itself read-only after an error may still be mounted as writable.
    """

    def __init__(self, data_dir: DataDir, clock: Callable[[], float] = time.monotonic) -> None:
        self._data_dir = data_dir
        self._outage = Outage(
            "no file can be made", "disk.unwritable",
            "files can be made again", "disk.writable", clock,
        )  # fmt: skip
        self._trials = Trials(partial(to_thread.run_sync, self._try), PAUSE_SECONDS, clock)

    async def check(self, *, now: bool = False) -> None:
        """Check whether a file could be made at the latest attempt.

        Args:
            now: make an attempt, also if the latest one was a moment ago.

        Raises:
            DiskUnavailable: none could be made.
            InsufficientStorage: none could be made for want of room.
        """
        await self._trials.check(now=now)

    def _try(self) -> ImagesvcError | None:
        path = self._data_dir.tmp / "write-check"
        try:
            path.touch(0o600)
            path.unlink()
        except OSError as error:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            self._outage.failed(error=text_of(error))
            full = named_error(error) if error.errno in FULL else None
            return full or DiskUnavailable("The data directory cannot be written to.")
        self._outage.passed()
        return None
