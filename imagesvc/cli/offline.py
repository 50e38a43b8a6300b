"""The store without a server, for commands, whether a server runs or not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from imagesvc.logs import configure_logs
from imagesvc.service.database import prepare_database, reading_database_of
from imagesvc.service.parts import Parts
from imagesvc.settings.settings import Settings
from imagesvc.store.db.database import Database
from imagesvc.store.files.files import full_disk_advised

T = TypeVar("T")


def on_database(settings: Settings, work: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
    """Run `work`, which only reads, on the database of the settings.

    It works beside a server, on a full disk and on a read-only file system.

    Raises:
        NoDataDir: no server has been started there.
        DatabaseNewer, DatabaseOlder, SchemaDiffers: the database is that of another version.
        DatabaseDamaged: it is no database, or was lost.
    """
    configure_logs(settings.log_format, settings.log_level, settings.node_name)

    async def opened() -> T:
        database = reading_database_of(settings)
        try:
            await asyncio.to_thread(database.check)
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(opened())


def on_store(
    settings: Settings,
    work: Callable[[Parts], Coroutine[Any, Any, T]],
    *,
    may_use_reserve: bool = False,
) -> T:
    """Run `work` with the store open and nothing else started.

    Args:
        settings: they name the data directory.
        work: what to do.
        may_use_reserve: whether a full disk may give the room to open the store that is kept for
            deletes: the work deletes, or ends access.

    Raises:
        DatabaseOlder: only the start of a server migrates: an older one may be running.
        InsufficientStorage: the disk is full; the text says what to do.
    """

    async def opened() -> T:
        service = Parts(settings, is_offline=True)
        database, files = service.stores.database, service.files
        prepare = partial(prepare_database, may_upgrade=False, may_use_reserve=may_use_reserve)
        try:
            await asyncio.to_thread(prepare, database, files)
            with full_disk_advised(files.data_dir.root):
                return await work(service)
        finally:
            await database.close()
            files.locks.close()

    configure_logs(settings.log_format, settings.log_level, settings.node_name)
    return asyncio.run(opened())
