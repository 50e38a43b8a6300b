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


def make_durable_directories(path: Path, root: Path) -> None:
    """Create `path` below `root`, fsyncing each parent that gets a new entry."""
    if path == root or path.is_dir():
        return
    make_durable_directories(path.parent, root)
    path.mkdir(exist_ok=True)
    fsync_directory(path.parent)
