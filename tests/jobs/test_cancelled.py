"""Jobs, and what they make, when a task is cancelled in the middle."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import pytest

from imagesvc.jobs.calls import MakeTask
from imagesvc.jobs.embedded import EmbeddedRunner
from imagesvc.jobs.execution import Execution
from imagesvc.jobs.limits import RunnerLimits
from imagesvc.jobs.maker import Made, Maker
from imagesvc.jobs.mezzanines import Mezzanines
from imagesvc.model.formats import Format
from imagesvc.model.ids import BlobName, Digest, JobId, utc_now
from imagesvc.model.images import Image, Mezzanine
from imagesvc.model.jobs import Job, Status
from imagesvc.service.service import Service
from imagesvc.store.db.database import Database
from imagesvc.store.jobs.jobs import JobStore
from imagesvc.store.jobs.settling import Settlement
from imagesvc.store.publish import Publisher
from tests.crash.pictures import jpeg
from tests.gates import Gate, cancelled_at
from tests.jobs.service import running_service, upload
from tests.store.test_publish import GatedBlobs
from tests.waiting import PATIENCE

pytestmark = pytest.mark.anyio
LIMITS = RunnerLimits(concurrency=1, job_timeout=PATIENCE, max_attempts=1, retry_delay=1.0)
MADE = jpeg(2)


class GatedJobs(JobStore):
    """A queue with gates before a job is queued again and before one is settled."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.retrying, self.settling = Gate(), Gate()

    async def retry(self, job_id: JobId, *, now: datetime) -> Job:
        """Wait at the gate, then queue."""
        await self.retrying.wait()
        return await super().retry(job_id, now=now)

    async def settle(self, settlement: Settlement, *, now: datetime) -> Status | None:
        """Wait at the gate, then settle."""
        await self.settling.wait()
        return await super().settle(settlement, now=now)


@dataclass(frozen=True, slots=True)
class EndlessMaker(Maker):
    """Makes nothing, and never ends."""

    is_called: asyncio.Event = field(default_factory=asyncio.Event)

    async def make(self, task: MakeTask, timeout: float) -> Made:
        """Say that an attempt is under way."""
        self.is_called.set()
        endless: asyncio.Future[Made] = asyncio.get_running_loop().create_future()
        return await endless


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """A service that leaves jobs to the runner of a test."""
    async with running_service(tmp_path / "data") as running:
        running.runner.is_draining = True
        running.runner.notify()
        yield running


def mezzanines(service: Service, publisher: Publisher) -> Mezzanines:
    """What keeps the mezzanines of a service."""
    return Mezzanines(
        service.files.incoming, service.stores.images, publisher, lambda _digest: None
    )


async def keep(service: Service, gate: Gate, image: Image) -> None:
    """Keep a mezzanine; the gate is between its blob and its row."""
    blobs = GatedBlobs(service.files.data_dir.blobs, gate)
    keeper = mezzanines(service, replace(service.stores.publisher, blobs=blobs))
    planned = Mezzanine(Digest(""), Format.JPEG, 48, 32)
    await keeper.keep(image.id, image.original, planned, MADE)


async def uploaded_job(service: Service, content: bytes) -> JobId:
    """The job of an image that was uploaded just now."""
    image = await upload(service, content)
    assert image.job_id is not None
    return image.job_id


async def test_a_mezzanine_cancelled_between_blob_and_row_gets_its_row(service: Service) -> None:
    """A job that is stopped leaves no blob without a row."""
    gate = Gate()
    image = await upload(service, jpeg(1))

    await cancelled_at(gate, keep(service, gate, image))

    kept = (await service.stores.images.get(image.id)).original.mezzanine
    assert kept is not None
    assert await service.files.blobs.is_sound(kept.name)
    assert list(service.files.data_dir.tmp.iterdir()) == []


async def test_a_cancelled_mezzanine_of_an_original_that_is_gone_is_removed(
    service: Service,
) -> None:
    """A deletion stops the job of its image: nothing may be left (invariant 6)."""
    gate = Gate()
    image = await upload(service, jpeg(1))
    await service.stores.images.remove(image.id, now=image.created_at)

    await cancelled_at(gate, keep(service, gate, image))

    assert await service.files.blobs.size(BlobName(hashlib.sha256(MADE).hexdigest())) is None


async def test_a_job_whose_attempt_was_stopped_is_queued_again(service: Service) -> None:
    """Else it would stay as it is, neither run nor waiting, until the next start."""
    queue = GatedJobs(service.stores.database)
    maker = EndlessMaker(service.caches.variants, mezzanines(service, service.acceptor.publisher))
    execution = Execution(queue, maker, LIMITS, service.files.write_probe.check)
    runner = EmbeddedRunner(queue, execution, LIMITS.concurrency)
    job_id = await uploaded_job(service, jpeg(1))
    await runner.start()
    await maker.is_called.wait()
    runner.is_draining = True  # or the job would be claimed at once

    await cancelled_at(queue.retrying, runner.retry(job_id))

    assert (await queue.get(job_id)).status == Status.PENDING
    await runner.stop(0)


async def test_the_files_of_a_job_that_is_cancelled_while_it_is_settled_are_removed(
    service: Service,
) -> None:
    """They get no rows, so that nothing else would find them."""
    queue = GatedJobs(service.stores.database)
    maker = Maker(service.caches.variants, mezzanines(service, service.acceptor.publisher))
    execution = Execution(queue, maker, LIMITS, service.files.write_probe.check)
    runner = EmbeddedRunner(queue, execution, LIMITS.concurrency)
    job_id = await uploaded_job(service, jpeg(1, 900, 600))
    await runner.start()
    await queue.settling.reached.wait()
    assert variant_files(service)

    await queue.cancel(job_id, now=utc_now())
    abandoning = asyncio.create_task(runner.abandon(job_id))
    await asyncio.sleep(0)  # it cancels the attempt
    queue.settling.opened.set()
    await abandoning

    assert variant_files(service) == []
    await runner.stop(0)


def variant_files(service: Service) -> list[Path]:
    """The files of variants."""
    return [path for path in service.files.data_dir.variants.rglob("*") if path.is_file()]
