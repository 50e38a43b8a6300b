"""File operations: what must be fsynced, how the disk's errors are named, reading for clients."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from anyio import to_thread

from imagesvc.errors import (
    DatabaseFull,
    ElsewhereFull,
    ImagesvcError,
    InsufficientStorage,
    Overloaded,
    Unavailable,
)

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
NO_DESCRIPTOR = frozenset({errno.EMFILE, errno.ENFILE})
FAILING = frozenset({errno.EACCES, errno.EIO, errno.EPERM, errno.EROFS})
"""Errors of a disk that fails, became read-only, or has lost its permissions."""
NO_INODES = "No inodes are left on the disk (df -i)."
MAKE_ROOM_FOR_DATABASE = (
    "Make room on the disk of the machine with PostgreSQL, which database_url names; "
    "docs/scaling.md says what goes on meanwhile (What fails, and what happens)."
)
FULL_BELOW = 1 << 20
"""Free bytes below which a disk is full for people: file systems use some for themselves."""
PIECE = 64 << 10
"""Bytes to read for a client at a time; one that stops reading keeps about as much in memory."""
_UNCACHED = {errno.EAGAIN, errno.EOPNOTSUPP}


@contextlib.contextmanager
def full_disk_named() -> Iterator[None]:
    """Turn the system's "no space left" into `InsufficientStorage`."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise _full_disk(error) from error
        raise


@contextlib.contextmanager
def full_disk_advised(root: Path) -> Iterator[None]:
    """Add to the error of a full disk what an operator can do."""
    try:
        yield
    except InsufficientStorage as error:
        raise InsufficientStorage(advised(error, root)) from error


def advised(error: InsufficientStorage, root: Path) -> str:
    """The message of an error of a full disk, and what an operator can do at that place.

    Args:
        error: of the work with a data directory.
        root: the data directory.
    """
    if isinstance(error, DatabaseFull):
        return f"{error.detail} {MAKE_ROOM_FOR_DATABASE}"
    if isinstance(error, ElsewhereFull):
        return error.detail
    return (
        f"{error.detail} Make room on the disk of {root}: imagesvc stats shows what takes it, and "
        "docs/operations.md has the steps (The disk is full)."
    )


def named_error(error: Exception) -> ImagesvcError | None:
    """The meaning of a system error for a request; None for an error that is a bug."""
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, OSError) and number in FULL:
        return _full_disk(error)
    if number in NO_DESCRIPTOR:
        return Overloaded("Too many files are open.")
    if is_of_disk(error):
        return Unavailable("The disk cannot be used now.")
    return None


def is_of_disk(error: Exception) -> bool:
    """Whether it is an error of a disk that fails, or of one file on it."""
    return isinstance(error, OSError) and error.errno in FAILING


def shortage(free_bytes: int) -> str:
    """What a disk is that has less than `min_free_space`."""
    return "The disk is full" if free_bytes < FULL_BELOW else "The disk is nearly full"


def _full_disk(error: OSError) -> InsufficientStorage:
    """The lacking resource: the system has one error for space and for inodes."""
    path = error.filename2 or error.filename
    with contextlib.suppress(OSError):
        if isinstance(path, str) and lacks_inodes(Path(path).parent):
            return InsufficientStorage(NO_INODES)
    return InsufficientStorage("The disk is full.")


def lacks_inodes(path: Path, count: int = 1) -> bool:
    """Whether fewer files than these can be made; some file systems have no limit: 0 of 0."""
    status = os.statvfs(path)
    return status.f_files > 0 and status.f_favail < count


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


async def read_piece(fd: int, position: int, stop: int) -> bytes:
    """The next bytes from `position` up to `stop`; none at the end of the file.

    Data in the page cache is read without a thread, which costs several times the copying.
    """
    size = min(PIECE, stop - position)
    buffer = bytearray(size)
    try:
        count = os.preadv(fd, [buffer], position, os.RWF_NOWAIT)
    except OSError as error:
        if error.errno not in _UNCACHED:
            raise
        return await to_thread.run_sync(os.pread, fd, size, position)
    await asyncio.sleep(0)  # a client that reads quickly must not delay others
    return bytes(memoryview(buffer)[:count])
