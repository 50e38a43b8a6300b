"""Durable file operations: what must be fsynced, and how the disk's errors are named."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from imagesvc.errors import InsufficientStorage

FULL = {errno.ENOSPC, errno.EDQUOT}


@contextlib.contextmanager
def full_disk_named() -> Iterator[None]:
    """Turn the system's "no space left" into `InsufficientStorage`."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise InsufficientStorage("The disk is full.") from error
        raise


def fsync_directory(path: Path) -> None:
    """Make the entries of a directory survive a power cut."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def move_durably(source: Path, path: Path, root: Path) -> None:
    """Rename a file to `path` below `root`; name and directories survive a power cut.

    Each directory on the way is fsynced, also when it was there: another upload may have made
    it a moment ago and not have come to its own fsync. A clean one costs next to nothing.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    source.replace(path)
    for directory in path.parents:
        fsync_directory(directory)
        if directory == root:
            break
