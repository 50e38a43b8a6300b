"""What the bucket of a cluster has, and what the rows say that it has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from imagesvc.library.garbage import Orphans
from imagesvc.service.parts import Parts
from imagesvc.settings.settings import Settings
from imagesvc.store.files.locks import NoLocks
from imagesvc.store.objects.mark import KEY
from imagesvc.store.objects.opening import open_blob_bucket

T = TypeVar("T")
_KEYS = """
SELECT 'blobs/' || coalesce(name, sha256) FROM blobs
UNION ALL SELECT 'variants/' || key FROM variants
"""


class Storage:
    """The rows and objects of the settings, seen by a process beside the servers."""

    def __init__(self, data_dir: Path, settings: Mapping[str, Any]) -> None:
        self._settings = Settings(data_dir=data_dir, **settings)
        self._url = settings["database_url"].replace("postgresql:", "postgresql+psycopg:")

    def collect(self) -> Orphans:
        """Remove orphans of any age: no upload and no job is in progress."""

        async def work() -> Orphans:
            parts = Parts(self._settings, is_offline=True)
            try:
                collector = replace(parts.collector, locks=_Quiet())
                return await collector.collect(grace_seconds=0)
            finally:
                await parts.stores.database.close()

        return asyncio.run(work())

    def objects(self) -> list[str]:
        """The keys of all objects but the mark, in order."""

        async def work() -> list[str]:
            bucket = open_blob_bucket(str(self._settings.blob_url))
            return [found.key async for page in bucket.list() for found in page if found.key != KEY]

        return sorted(asyncio.run(work()))

    def rows(self) -> list[str]:
        """The keys that rows have, in order."""
        return sorted(self._read(lambda connection: [*connection.scalars(text(_KEYS))]))

    def count(self, rows: str) -> int:
        """How many rows a FROM clause has."""
        query = text(f"SELECT count(*) FROM {rows}")
        return self._read(lambda connection: int(connection.scalar(query) or 0))

    def _read(self, query: Callable[[Connection], T]) -> T:
        with create_engine(self._url, poolclass=NullPool).connect() as connection:
            return query(connection)


class _Quiet(NoLocks):
    """The locks of a bucket that nothing uploads to."""

    orphan_seconds = 0.0
