"""A service in the test's event loop: real workers, real files, no HTTP."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from imagesvc.jobs.embedded import EmbeddedRunner
from imagesvc.jobs.maker import Maker
from imagesvc.library.accept import UploadFields
from imagesvc.model.images import Image
from imagesvc.service.service import Service
from imagesvc.settings.settings import Settings
from imagesvc.store.files.incoming import Incoming


@contextlib.asynccontextmanager
async def running_service(data_dir: Path, **settings: Any) -> AsyncIterator[Service]:
    """An open service."""
    values: dict[str, Any] = {"auth": "off", "workers": 1, **settings}
    service = Service(Settings(data_dir=data_dir, **values))
    service.claim_data_dir()
    await service.open()
    try:
        yield service
    finally:
        await service.close()


async def upload(service: Service, content: bytes) -> Image:
    """Accept an upload, from its first byte on."""
    incoming = Incoming(service.files.data_dir, max_bytes=1 << 30, min_free_bytes=0)
    async with incoming.receive() as file:
        await file.write(content)
        return await service.acceptor.accept(await file.finish(), UploadFields("a.jpg"))


def runner_of(service: Service) -> EmbeddedRunner:
    """What runs the jobs of a service with a database of its own."""
    assert isinstance(service.runner, EmbeddedRunner)
    return service.runner


def maker_of(service: Service) -> Maker:
    """What makes the variants of its jobs."""
    return runner_of(service)._execution._maker
