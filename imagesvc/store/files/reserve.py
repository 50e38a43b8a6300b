"""Room that is kept for deleting, and for the start that precedes it, on a full disk."""

from __future__ import annotations

import contextlib
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

import structlog

log = structlog.get_logger()

SIZE = 4 << 20
"""Bytes; as much as SQLite's log holds before it is written over from its start (1,000 pages)."""


@dataclass(frozen=True, slots=True)
class Reserve:
    """A file of no meaning, which gives its room up for deletes when the disk is full.

    Once it is spent, files of variants give theirs up: they can be made again, and a variant
    whose file is missing is.
    """

    path: Path
    variants: Path
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def fill(self, free_bytes: int, floor: int) -> None:
        """Take the room, if that leaves `floor` bytes free, and as much again.

        So it is not taken back from the requester that has just got it.
        """
        with self._lock:
            if free_bytes < floor + 2 * SIZE:
                return
            try:
                self._spare_inode.touch(0o600)
                if not self.path.exists():
                    self._allocate()
                    log.info("the reserve is filled", action="reserve.filled")
            except OSError:  # the disk filled up meanwhile
                self._remove()

    def release(self) -> bool:
        """Give the room up, or that of some variants; whether there was any."""
        with self._lock:
            had_bytes = self.path.exists()
            if self._remove():
                if had_bytes:
                    log.warning("the reserve is spent: the disk is full", action="reserve.spent")
                return True
            return self._remove_variants()

    def _allocate(self) -> None:
        fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.posix_fallocate(fd, 0, SIZE)
        finally:
            os.close(fd)

    @property
    def _spare_inode(self) -> Path:
        # SQLite makes two files when it opens a database; the other inode is the reserve's own.
        return self.path.with_name(f"{self.path.name}.inode")

    def _remove(self) -> bool:
        is_removed = False
        for path in (self.path, self._spare_inode):
            with contextlib.suppress(OSError):
                path.unlink()
                is_removed = True
        return is_removed

    def _remove_variants(self) -> bool:
        """Remove files of variants until their blocks make up for the reserve.

        The order is not that of last use, which is in the database: it cannot be queried in the
        middle of a failed transaction.
        """
        removed, freed = 0, 0
        for path in self.variants.glob("??/*"):
            with contextlib.suppress(OSError):
                blocks = path.lstat().st_blocks
                path.unlink()
                removed, freed = removed + 1, freed + 512 * blocks
            if freed >= SIZE:
                break
        if removed:
            log.warning(
                "stored variants are removed to make room: the disk is full",
                action="reserve.variants_removed",
                count=removed,
                bytes=freed,
            )
        return removed > 0
