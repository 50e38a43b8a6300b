"""When a server last looked at the clock: the time of an empty file, written without space."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime
from pathlib import Path


def last_run_at(path: Path) -> datetime | None:
    """The time that was noted last; None if none was, as in a restored directory."""
    with contextlib.suppress(FileNotFoundError):
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    return None


def note_run(path: Path, now: datetime) -> None:
    """Note a time; the file of another user, whose time cannot be set, is replaced."""
    times = (now.timestamp(), now.timestamp())
    try:
        os.utime(path, times)
    except (FileNotFoundError, PermissionError):
        path.unlink(missing_ok=True)
        path.touch(0o600)
        os.utime(path, times)
