"""What a data directory holds: counts of its tables, and sizes of its database and disk."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from imagesvc.errors import Unavailable
from imagesvc.store.cdn.purges import PurgeQueue, Waiting
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

    statistics: Statistics
    queue: PurgeQueue
    data_dir: DataDir

    async def now(self) -> Overview:
        """Count everything.

        Raises:
            Unavailable: the data directory is missing.
        """
        counts = await self.statistics.counts()
        purges = await self.queue.waiting()
        database_bytes, free_bytes = await asyncio.to_thread(self._sizes)
        return Overview(counts, database_bytes, free_bytes, purges)

    def _sizes(self) -> tuple[int, int]:
        if not self.data_dir.is_there():  # as with an unmounted disk
            raise Unavailable("The data directory is missing.")
        files = (self.data_dir.database, self.data_dir.database_log)
        size = sum(file.stat().st_size for file in files if file.exists())
        return size, self.data_dir.free_bytes()
