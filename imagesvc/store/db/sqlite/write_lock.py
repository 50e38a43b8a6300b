"""One writer at a time, among all processes that use a database.

SQLite lets one connection write while another moves pages of the log into the database (a
checkpoint). Versions before 3.51.3 may damage the database when the log is restarted at that very
moment (https://sqlite.org/wal.html#walresetbug). Commits of imagesvc, each with the checkpoint that
it may cause, hold this lock, so the two never overlap: neither those of the server, which has one
connection that writes, nor those of commands beside it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from imagesvc.errors import Unavailable, text_of
from imagesvc.store.files.files import FULL
from imagesvc.store.files.owners import give_to_owner

TIMEOUT = 10.0
"""Seconds to wait for another process, as long as SQLite waits for its own lock."""
RETRY_SECONDS = 0.002
MOVED = b"The metadata have moved to PostgreSQL.\n"
"""What the file of the lock says then; it is empty before."""
HAVE_MOVED = "The metadata have moved to PostgreSQL: this server must be stopped."
NO_FILE = {errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT, *FULL}
"""A full disk must not stop deletes, and what cannot be written has no writers."""


class WriteLock:
    """The lock of the database at a path; its file is opened at first use, until `close()`."""

    def __init__(self, database: Path, timeout: float = TIMEOUT) -> None:
        self.path = database.with_name("database.lock")
        self._timeout = timeout
        self._fd: int | None = None

    @contextlib.contextmanager
    def hold(self, *, even_if_moved: bool = False) -> Iterator[None]:
        """Exclude all other writers; call it in one thread at a time.

        Raises:
            Unavailable: another process held it for too long, it cannot be had, or the metadata
                have moved.
        """
        fd = self._opened()
        if fd is None:
            yield
            return
        self._take(fd)
        try:
            if not even_if_moved and os.pread(fd, 1, 0):
                raise Unavailable(HAVE_MOVED)
            yield
        finally:
            fcntl.flock(fd, fcntl.LOCK_UN)

    def note_move(self) -> None:
        """Let nobody write any more, also after a power cut; call it while holding the lock."""
        if self._fd is None:
            raise Unavailable(f"{self.path} cannot be written, so the database is not moved.")
        os.pwrite(self._fd, MOVED, 0)
        os.fsync(self._fd)

    @property
    def has_moved(self) -> bool:
        """Whether a move of the metadata to PostgreSQL was completed."""
        return self.path.exists() and self.path.stat().st_size > 0

    def check_not_moved(self) -> None:
        """Raises `Unavailable` for a server whose metadata have moved."""
        if self.has_moved:
            raise Unavailable(
                f"The metadata of {self.path.parent} have moved to PostgreSQL: set database_url. "
                f"To go back, remove {self.path}; what was changed since the move is lost then."
            )

    def close(self) -> None:
        """Close the file."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    def _opened(self) -> int | None:
        if self._fd is None:
            try:
                self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                give_to_owner(self._fd, self.path.parent)
            except OSError as error:
                if error.errno in NO_FILE:
                    return None
                raise _unavailable(error) from error
        return self._fd

    def _take(self, fd: int) -> None:
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise Unavailable("Another program is writing to the database.") from None
                time.sleep(RETRY_SECONDS)
            except OSError as error:
                raise _unavailable(error) from error


def _unavailable(error: OSError) -> Unavailable:
    return Unavailable(f"The database cannot be locked: {text_of(error)}.")
