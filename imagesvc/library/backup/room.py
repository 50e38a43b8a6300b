"""Room for a backup: a full destination gives up what the next backup would remove anyway."""

from __future__ import annotations

from datetime import datetime, timedelta

from imagesvc.library.backup.destination import Destination
from imagesvc.library.backup.snapshots import (
    Removed,
    manifest_of,
    remove_old,
    whole_snapshots_in,
)
from imagesvc.library.backup.source import Source


async def make_room(
    source: Source, destination: Destination, keep: timedelta, now: datetime
) -> Removed:
    """Remove old snapshots before a backup, and blobs that neither they nor this backup need.

    The newest snapshot stays. When it lacks originals, an older one may have the only copies of
    them, so nothing is removed.

    Raises:
        DatabaseDamaged: it is unknown what this backup needs; nothing was removed.
        SnapshotDamaged: it is unknown what a snapshot needs, so no blob was removed.
    """
    whole = await whole_snapshots_in(destination)
    if whole and (await manifest_of(destination, whole[-1])).missing:
        return Removed()
    spared = await source.known()
    return await remove_old(destination, keep, now, spared)
