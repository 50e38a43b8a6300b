"""Several jobs of one image: its status is that of the newest."""

from __future__ import annotations

import pytest

from imagesvc.errors import NotFound
from imagesvc.model.ids import ImageId, new_id
from imagesvc.model.images import Image
from imagesvc.model.jobs import Job, Status
from imagesvc.store.db.database import Database
from imagesvc.store.images import ImageStore
from imagesvc.store.jobs.jobs import JobStore
from imagesvc.store.jobs.settling import Settlement
from imagesvc.store.jobs.turns import Slots
from tests.store.rows import NOON, image_and_job, job_of

pytestmark = pytest.mark.anyio


class Queue:
    """The stores of images and jobs of one database."""

    def __init__(self, database: Database) -> None:
        self.images = ImageStore(database)
        self.jobs = JobStore(database)

    async def image(self) -> tuple[Image, Job]:
        """An image with its first job, which is running."""
        image, job = image_and_job()
        await self.images.add(image, job)
        await self.jobs.claim(Slots(1), now=NOON)
        return image, job

    async def settle(self, job: Job, status: Status) -> None:
        """End a running job."""
        settlement = Settlement(job.id, status, operations=(), variants=(), due_at=NOON)
        await self.jobs.settle(settlement, now=NOON)

    async def status(self, image: Image) -> Status:
        """The image's status."""
        return (await self.images.get(image.id)).status


@pytest.fixture
def queue(database: Database) -> Queue:
    """An empty queue."""
    return Queue(database)


async def test_a_new_job_is_the_newest(queue: Queue) -> None:
    """A client that requests variants polls the image."""
    image, first = await queue.image()
    await queue.settle(first, Status.SUCCEEDED)
    job = job_of(image)

    await queue.jobs.add([job], now=NOON)

    current = await queue.images.get(image.id)
    assert (current.job_id, current.status) == (job.id, Status.PENDING)
    assert current.completed_at is None


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.FAILED])
async def test_an_older_job_does_not_affect_the_status(queue: Queue, status: Status) -> None:
    """The first job ends after the second was added, which has not started."""
    image, first = await queue.image()
    second = job_of(image)
    await queue.jobs.add([second], now=NOON)

    await queue.settle(first, status)
    before = await queue.status(image)
    await queue.jobs.claim(Slots(1), now=NOON)
    await queue.settle(second, Status.SUCCEEDED)

    assert (before, await queue.status(image)) == (Status.PENDING, Status.SUCCEEDED)


@pytest.mark.parametrize("way", ["release", "recover", "cancel", "retry"])
async def test_no_change_of_an_older_job_affects_the_status(queue: Queue, way: str) -> None:
    """The newest has succeeded, and the image still shows it."""
    image, first = await queue.image()
    if way == "retry":
        await queue.settle(first, Status.FAILED)
    second = job_of(image)
    await queue.jobs.add([second], now=NOON)
    await queue.jobs.claim(Slots(1), now=NOON)
    await queue.settle(second, Status.SUCCEEDED)

    if way == "release":
        await queue.jobs.release([first.id], now=NOON)
    elif way == "recover":
        await queue.jobs.recover(now=NOON)
    elif way == "cancel":
        await queue.jobs.cancel(first.id, now=NOON)
    else:
        await queue.jobs.retry(first.id, now=NOON)

    assert await queue.status(image) == Status.SUCCEEDED


async def test_jobs_are_added_all_or_none(queue: Queue) -> None:
    """One of the images was deleted meanwhile."""
    image, first = await queue.image()
    gone = job_of(image, image_id=ImageId(new_id()))
    job = job_of(image)

    with pytest.raises(NotFound):
        await queue.jobs.add([job, gone], now=NOON)

    assert (await queue.images.get(image.id)).job_id == first.id
    with pytest.raises(NotFound):
        await queue.jobs.get(job.id)


async def test_a_removal_names_every_job_to_be_stopped(queue: Queue) -> None:
    """An older one may still be running; ended jobs need no stop."""
    image, first = await queue.image()
    second, ended = job_of(image), job_of(image)
    await queue.jobs.add([second, ended], now=NOON)
    await queue.jobs.cancel(ended.id, now=NOON)

    removed = await queue.images.remove(image.id, now=NOON)

    assert set(removed.job_ids) == {first.id, second.id}
