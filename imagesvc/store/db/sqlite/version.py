"""The version of the SQLite library, and whether it has a bug that damages databases."""

from __future__ import annotations

import sqlite3

FIRST = (3, 7, 0)
FIXED = (3, 51, 3)
BACKPORTS = ((3, 44, 6), (3, 50, 7))
"""Releases of older branches that have the correction, too."""
FIXES = "3.51.3, 3.50.7, 3.44.6"


def sqlite_version() -> str:
    """The version of the library that this process has loaded."""
    return sqlite3.sqlite_version


def has_wal_reset_bug(version: str | None = None) -> bool:
    """Whether two connections that write at once may damage a database.

    imagesvc never lets its own connections do so (`write_lock.py`); other programs may.
    """
    numbers = tuple(int(part) for part in (version or sqlite_version()).split("."))
    if not FIRST <= numbers < FIXED:
        return False
    return not any(numbers[:2] == fixed[:2] and numbers >= fixed for fixed in BACKPORTS)
