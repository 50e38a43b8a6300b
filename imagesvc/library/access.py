"""Files of a data directory that the user of a command may not read or write."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from imagesvc.store.files.data_dir import DataDir


def denied(data_dir: DataDir) -> Iterator[str]:
    """The files and directories that a server of this user could not use, each with the reason.

    On a read-only file system, on which a check may be run, only unreadable files count.
    """
    is_writable = not data_dir.is_read_only()
    for path in _used(data_dir):
        if not os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0)):
            yield f"{path}: this user may not read it"
        elif is_writable and not os.access(path, os.W_OK):
            yield f"{path}: this user may not write to it"


def _used(data_dir: DataDir) -> Iterator[Path]:
    fixed = [
        data_dir.root, data_dir.database, data_dir.secret, data_dir.tmp, data_dir.last_backup,
        data_dir.digest_lock, data_dir.server_lock,
    ]  # fmt: skip
    yield from (path for path in fixed if path.exists())
    yield from _directories(data_dir.blobs, levels=2)
    yield from _directories(data_dir.variants, levels=1)


def _directories(directory: Path, levels: int) -> Iterator[Path]:
    """A directory and those below it, as far down as they can be read."""
    if not directory.is_dir():
        return
    yield directory
    if levels and os.access(directory, os.R_OK | os.X_OK):
        for path in sorted(directory.iterdir()):
            yield from _directories(path, levels - 1)
