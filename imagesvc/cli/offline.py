"""The store without a server, for commands, whether a server runs or not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from imagesvc.logs import configure_logs
from imagesvc.service.parts import Parts
from imagesvc.settings.settings import Settings
from imagesvc.store.db.migrate import bring_up_to_date

T = TypeVar("T")


def on_store(settings: Settings, work: Callable[[Parts], Coroutine[Any, Any, T]]) -> T:
    """Run `work` with the store open and nothing else started."""

    async def opened() -> T:
        service = Parts(settings, is_offline=True)
        await asyncio.to_thread(bring_up_to_date, service.files.data_dir, service.files.reserve)
        try:
            return await work(service)
        finally:
            await service.stores.database.close()
            service.files.locks.close()

    configure_logs(settings.log_format, settings.log_level)
    return asyncio.run(opened())
