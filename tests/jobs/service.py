"""A service in the test's event loop: real files, no HTTP, and workers only if they are wanted."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from imagesvc.jobs.embedded import EmbeddedRunner
from imagesvc.jobs.maker import Maker
from imagesvc.library.accept import UploadFields
from imagesvc.model.formats import Format
from imagesvc.model.ids import BlobName, utc_now
from imagesvc.model.images import Image, Original
from imagesvc.service.service import Service
from imagesvc.settings.settings import Settings
from imagesvc.store.files.incoming import Incoming
from tests.commands import forked_workers
from tests.store.rows import image_and_job


@contextlib.asynccontextmanager
async def running_service(data_dir: Path, **settings: Any) -> AsyncIterator[Service]:
    """An open service, whose workers are forked: loading the codecs takes most of a short test."""
    service = _claimed(data_dir, **settings)
    with forked_workers():
        await service.open()
        try:
            yield service
        finally:
            await service.close()


@contextlib.asynccontextmanager
async def idle_service(data_dir: Path, **settings: Any) -> AsyncIterator[Service]:
    """A service without workers, which take most of the time of a start: it runs no jobs."""
    service = _claimed(data_dir, **settings)
    try:
        await asyncio.to_thread(service._prepare)
        await service.files.open()
        await service.caches.disk.start()
        yield service
    finally:
        await service.close()


def _claimed(data_dir: Path, **settings: Any) -> Service:
    values: dict[str, Any] = {"auth": "off", "workers": 1, **settings}
    service = Service(Settings(data_dir=data_dir, **values))
    service.claim_data_dir()
    return service


async def stored(service: Service, content: bytes) -> Image:
    """An image with its blob and its job, as an upload of these bytes would make it."""
    incoming = Incoming(service.files.data_dir, max_bytes=1 << 30, min_free_bytes=0)
    async with incoming.receive() as file:
        await file.write(content)
        received = await file.finish()
        now = utc_now()
        image, job = image_and_job(
            original=Original(received.digest, Format.JPEG, 48, 32, 1, False, 48 * 32 * 3),
            bytes=received.bytes, created_at=now, updated_at=now,
        )  # fmt: skip

        async def add_rows(name: BlobName) -> BlobName:
            added = await service.stores.images.add(image.stored_as(name), job, None)
            return added.original.name

        await service.acceptor.publisher.publish(received, add_rows)
    return await service.stores.images.get(image.id)


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
