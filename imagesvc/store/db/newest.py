"""The newest time in a database, to compare the clock with."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from imagesvc.store.db.soundness import read_only

NEWEST = "SELECT max(created_at) FROM events"


def newest_time_in(path: Path) -> datetime | None:
    """The time of the newest event, which each upload and each deletion adds; None without any."""
    with contextlib.closing(read_only(path)) as connection:
        (newest,) = connection.execute(NEWEST).fetchone()
    if newest is None:
        return None
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=newest)
