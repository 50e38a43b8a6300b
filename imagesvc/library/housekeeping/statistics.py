"""What a data directory holds: counts of its tables, and sizes of its database and disk."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from imagesvc.errors import Unavailable
from imagesvc.store.cdn.purges import PurgeQueue, Waiting
from imagesvc.store.db.database import Database
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.statistics.counts import Counts, Statistics


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything that is counted, at one time."""

    counts: Counts
    database_bytes: int
    """With its log."""
    free_bytes: int
    """Of the disk."""
    purges: Waiting


@dataclass(frozen=True, slots=True)
class Overviews:
    """Makes overviews."""

    database: Database
    statistics: Statistics
    queue: PurgeQueue
    data_dir: DataDir

    async def now(self) -> Overview:
        """Count everything.

        Raises:
            Unavailable: the data directory is missing.
        """
        free_bytes = await asyncio.to_thread(self._free_bytes)
        counts = await self.statistics.counts()
        purges = await self.queue.waiting()
        return Overview(counts, await self.database.size(), free_bytes, purges)

    def _free_bytes(self) -> int:
        if not self.data_dir.is_there():  # as with an unmounted disk
            raise Unavailable("The data directory is missing.")
        return self.data_dir.free_bytes()
