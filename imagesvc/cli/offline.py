"""The store without a server, for commands, whether a server runs or not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from imagesvc.logs import configure_logs
from imagesvc.service.parts import Parts
from imagesvc.settings.settings import Settings
from imagesvc.store.db.database import Database
from imagesvc.store.db.sqlite.database import EmbeddedDatabase
from imagesvc.store.db.sqlite.migrate import bring_up_to_date
from imagesvc.store.db.sqlite.soundness import read_only_engine, require_current
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.files import full_disk_advised

T = TypeVar("T")


def on_database(settings: Settings, work: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
    """Run `work`, which only reads, on the database of the data directory.

    It works beside a server, on a full disk and on a read-only file system.

    Raises:
        NoDataDir: no server has been started there.
        DatabaseNewer, DatabaseOlder, SchemaDiffers: the database is that of another version.
        DatabaseDamaged: it is no database, or was lost.
    """
    configure_logs(settings.log_format, settings.log_level)
    data_dir = DataDir(settings.data_dir.absolute())
    data_dir.require()
    path = data_dir.database
    require_current(path)

    async def opened() -> T:
        database = EmbeddedDatabase(path, engine=read_only_engine(path))
        try:
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
        reserve = service.files.reserve if may_use_reserve else None
        data_dir = service.files.data_dir
        try:
            with full_disk_advised(data_dir.root):
                await asyncio.to_thread(bring_up_to_date, data_dir, reserve, may_upgrade=False)
                return await work(service)
        finally:
            await service.stores.database.close()
            service.files.locks.close()

    configure_logs(settings.log_format, settings.log_level)
    return asyncio.run(opened())
