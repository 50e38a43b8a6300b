"""The newest time in a database, to compare the clock with."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import text

from imagesvc.store.db.database import Database
from imagesvc.store.db.schema.columns import EPOCH
from imagesvc.store.db.sqlite.soundness import read_only

NEWEST = """
SELECT max(at) FROM (
    SELECT max(created_at) AS at FROM events
    UNION ALL SELECT * FROM (SELECT created_at FROM images ORDER BY id DESC LIMIT 1) AS image
    UNION ALL SELECT * FROM (SELECT created_at FROM jobs ORDER BY id DESC LIMIT 1) AS job
    UNION ALL SELECT max(created_at) FROM users
    UNION ALL SELECT max(trashed_at) FROM images WHERE trashed_at IS NOT NULL
) AS times
"""
"""Images and jobs are many, and have no index by time; their ids sort by it."""


def newest_time_in(path: Path) -> datetime | None:
    """The newest time of events, images, jobs, users and the trash; None without any."""
    with contextlib.closing(read_only(path)) as connection:
        (newest,) = connection.execute(NEWEST).fetchone()
    return _time_of(newest)


async def newest_time_of(database: Database) -> datetime | None:
    """As `newest_time_in`, of an open database.

    Raises:
        Unavailable: it cannot be read.
    """
    return _time_of(await database.read(lambda connection: connection.scalar(text(NEWEST))))


def _time_of(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else EPOCH + timedelta(microseconds=microseconds)
