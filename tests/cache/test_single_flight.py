"""Each variant is rendered once at a time, and cancelling one waiter does not affect others."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from imagesvc.cache.content import Fetched
from imagesvc.cache.disk import DiskTier
from imagesvc.cache.memory import Entry
from imagesvc.cache.variants import VariantCache
from imagesvc.errors import ImagesvcError, OriginalDamaged, RateLimited, TimedOut, Unavailable
from imagesvc.imaging.cost import Cost
from imagesvc.imaging.messages import Rendered
from imagesvc.imaging.transforms.transform import parse_text
from imagesvc.jobs.calls import MakeTask
from imagesvc.jobs.maker import Made, Maker
from imagesvc.model.ids import BlobName, VariantKey
from imagesvc.model.images import Image, Original, Variant
from imagesvc.model.jobs import Priority, Status
from imagesvc.model.transforms import Transform
from imagesvc.service.service import Service
from imagesvc.store.files.blobs_fs import FileBlobStore
from imagesvc.store.variants import VariantStore
from imagesvc.workers.renderer import Renderer
from tests.breadth import represented
from tests.crash.pictures import jpeg
from tests.jobs.service import maker_of, running_service, upload
from tests.store.remote_variants import RemoteVariants
from tests.waiting import until_async

pytestmark = pytest.mark.anyio
CHEAP = Cost(memory=1, seconds=0.01)
SEEDS = itertools.count(1)
"""Of pictures: each test has one of its own."""


class CountingRenderer(Renderer):
    """The renderer, with a count of its renderings."""

    def __init__(self, renderer: Renderer) -> None:
        self.__dict__.update(renderer.__dict__)
        self.rendered = 0

    async def render_each(
        self, original: Original, source: BlobName, transforms: Sequence[Transform], timeout: float
    ) -> Sequence[Rendered | ImagesvcError]:
        """Count, and render."""
        self.rendered += len(transforms)
        return await super().render_each(original, source, transforms, timeout)


class UnaskedStore(VariantStore):
    """A store whose rows must not be read."""

    async def find(self, key: VariantKey) -> Variant | None:
        """Fail."""
        raise AssertionError(f"{key} was looked for")


class DelayedStore(VariantStore):
    """A store that returns rows only after another event."""

    def __init__(self, store: VariantStore, delay: Callable[[], Awaitable[object]]) -> None:
        self.__dict__.update(store.__dict__)
        self.delay: Callable[[], Awaitable[object]] | None = delay

    async def find_all(self, keys: Sequence[VariantKey]) -> dict[VariantKey, Variant]:
        """The rows from before the delay."""
        found = await super().find_all(keys)
        delay, self.delay = self.delay, None
        if delay is not None:
            await delay()
        return found


@dataclass
class Setting:
    """A service with one image, and a cache that counts renderings."""

    service: Service
    image: Image
    cache: VariantCache
    renderer: CountingRenderer

    async def fetch(self, text: str, **changes: Any) -> Fetched:
        """A variant of the image."""
        wanted = self.cache.identities.identify(
            self.image.id, self.image.original, parse_text(text)
        )
        cache = replace(self.cache, **changes) if changes else self.cache
        return await cache.fetch(wanted)

    def disk(
        self, rows: VariantStore, max_bytes: int = 1 << 40, *, is_remote: bool = False
    ) -> DiskTier:
        """The disk tier with another store, and with its contents here or elsewhere."""
        files = self.service.files.variants
        root = self.service.files.data_dir.variants
        return DiskTier(rows, RemoteVariants(root) if is_remote else files, max_bytes)

    def remote_disk(self) -> DiskTier:
        """The disk tier with its contents elsewhere."""
        return self.disk(self.service.stores.variants, is_remote=True)

    async def make(self, task: MakeTask, **changes: Any) -> Made:
        """The variants that a job makes."""
        maker = Maker(replace(self.cache, **changes), maker_of(self.service).mezzanines)
        return await maker.make(task, 30.0)

    def task(self, transform: Transform) -> MakeTask:
        """A job that makes one variant."""
        image = self.image
        return MakeTask(
            image.id, image.original, (transform,), Priority.UPLOAD, needs_analysis=False
        )


@contextlib.contextmanager
def stopped_workers(service: Service) -> Iterator[Callable[[], None]]:
    """All workers are stopped, until the given function is called, or permanently."""
    stopped = [worker._process.pid for worker in service.workers.pool._idle]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)

    def go_on() -> None:
        for pid in stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    try:
        yield go_on
    finally:
        go_on()


async def analysed(service: Service, image: Image) -> bool:
    """Whether the job of an upload has ended and uses no worker."""
    return (await service.stores.images.get(image.id)).job_status is Status.SUCCEEDED


async def holds(condition: Callable[[], object]) -> None:
    """Wait until a condition holds."""

    async def met() -> object:
        return condition() or None

    await until_async(met)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """Tests of the module share an event loop, which the service runs in."""
    return "asyncio"


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    """A service whose jobs make no variants."""
    place = tmp_path_factory.mktemp("service") / "data"
    async with running_service(place, workers=1, eager_presets=()) as service:
        yield service


@pytest.fixture
async def setting(shared: Service) -> Setting:
    """An uploaded image without variants, beside those of other tests."""
    return await with_image(shared)


async def with_image(service: Service) -> Setting:
    """The service with a new image, and a cache that counts renderings."""
    image = await upload(service, jpeg(next(SEEDS), 400, 300))
    await until_async(lambda: analysed(service, image))
    renderer = CountingRenderer(service.caches.variants.renderer)
    return Setting(service, image, replace(service.caches.variants, renderer=renderer), renderer)


async def test_a_hundred_requesters_cost_one_rendering(setting: Setting) -> None:
    """A popular page requests the same cold variant from many clients."""
    fetched = await asyncio.gather(*(setting.fetch("w=100") for _ in range(100)))

    assert setting.renderer.rendered == 1
    assert len({id(item) for item in fetched}) == 1
    assert isinstance(fetched[0].content, Entry)


async def test_the_database_is_queried_only_if_there_is_a_file(setting: Setting) -> None:
    """Reading a row takes a thread; without a file there is no useful row."""
    unasked = setting.disk(UnaskedStore(setting.service.stores.database))
    cold = await setting.fetch("w=100", disk=unasked)
    await unasked.flush()
    setting.cache.memory.remove_of_images(setting.image.id)

    again = await setting.fetch("w=100")

    assert (cold.tier, again.tier) == ("rendered", "disk")


async def test_a_variant_elsewhere_is_found_by_its_row_and_made_again_if_it_is_lost(
    setting: Setting,
) -> None:
    """Nothing but a request for it says that it is there."""
    disk = setting.remote_disk()
    first = await setting.fetch("w=100", disk=disk)
    await disk.flush()
    tiers = []
    for _ in range(2):
        setting.cache.memory.remove_of_images(setting.image.id)
        tiers.append((await setting.fetch("w=100", disk=disk)).tier)
        await setting.service.files.variants.delete([first.variant.key])

    assert tiers == ["disk", "rendered"]


async def test_different_variants_are_rendered_apart(setting: Setting) -> None:
    """Each is rendered once; equal transforms that are written differently share a rendering."""
    await asyncio.gather(*(setting.fetch(text) for text in ("w=100", "w=101", "w=100&fit=inside")))

    assert setting.renderer.rendered == 2


async def test_a_cancelled_waiter_does_not_end_the_rendering(setting: Setting) -> None:
    """This also applies to the first requester."""
    first, second = (asyncio.create_task(setting.fetch("w=100")) for _ in range(2))
    await asyncio.sleep(0.001)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)

    assert isinstance((await second).content, Entry)
    assert setting.renderer.rendered == 1


async def test_a_cheap_running_rendering_continues_without_waiters(
    setting: Setting,
) -> None:
    """It is nearly done, and the client may request it again."""
    pool = setting.service.workers.pool
    calls = pool.calls
    with stopped_workers(setting.service) as go_on:
        gone = asyncio.create_task(setting.fetch("w=100"))
        await holds(lambda: pool.calls > calls)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        go_on()

    assert isinstance((await setting.fetch("w=100")).content, Entry)
    assert setting.renderer.rendered == 1


async def test_a_rendering_without_waiters_leaves_the_queue(setting: Setting) -> None:
    """The last requester timed out or disconnected."""
    pool = setting.service.workers.pool
    async with pool.admit(Priority.INTERACTIVE, CHEAP):
        with pytest.raises(TimedOut):
            await setting.fetch("w=100", timeout=0.1)
        gone = asyncio.create_task(setting.fetch("w=101"))
        await holds(lambda: pool.admission.waiting)
        gone.cancel()
        await holds(lambda: not pool.admission.waiting)

    assert isinstance((await setting.fetch("w=100")).content, Entry)
    assert setting.renderer.rendered == 1


async def test_an_expensive_rendering_stops_without_waiters(setting: Setting) -> None:
    """The worker is killed when the last of two disconnects, not the first."""
    pool, expensive = setting.service.workers.pool, "w=8000&enlarge=1&format=avif"
    calls = pool.calls
    with stopped_workers(setting.service) as go_on:
        first, second = (asyncio.create_task(setting.fetch(expensive)) for _ in range(2))
        await holds(lambda: pool.calls > calls)
        killed = pool.usage.ended["cancelled"]
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert pool.admission.running == 1
        second.cancel()
        await holds(lambda: not pool.admission.running)
        assert pool.usage.ended["cancelled"] == killed + 1
        go_on()

    assert isinstance((await setting.fetch("w=100")).content, Entry)


async def test_a_request_while_a_rendering_stops_starts_a_new_one(setting: Setting) -> None:
    """The last waiter disconnects at the same moment."""
    pool = setting.service.workers.pool
    async with pool.admit(Priority.INTERACTIVE, CHEAP):
        gone = asyncio.create_task(setting.fetch("w=100"))
        await holds(lambda: pool.admission.waiting)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        joined = asyncio.create_task(setting.fetch("w=100"))
        await asyncio.sleep(0)

    assert isinstance((await joined).content, Entry)


@pytest.mark.parametrize("is_remote", represented([False, True], False))
async def test_a_rendering_that_ran_out_of_time_is_not_tried_again_at_once(
    setting: Setting, is_remote: bool
) -> None:
    """Each attempt would occupy a worker for as long; other variants are rendered meanwhile."""
    if is_remote:
        setting.cache = replace(setting.cache, disk=setting.remote_disk())
    with stopped_workers(setting.service):
        with pytest.raises(TimedOut):
            await setting.fetch("w=100", timeout=0.5)
        await holds(lambda: not setting.service.workers.pool.admission.running)

    with pytest.raises(TimedOut) as again:
        await setting.fetch("w=100")
    assert again.value.retry_after > 1
    assert isinstance((await setting.fetch("w=101")).content, Entry)
    assert setting.renderer.rendered == 2


async def test_a_failed_rendering_fails_all_waiters_and_is_not_kept(setting: Setting) -> None:
    """The next requester gets a new attempt."""
    path = FileBlobStore(setting.service.files.data_dir.blobs).path(setting.image.original.digest)
    content = path.read_bytes()
    path.write_bytes(content[:300])
    outcomes = await asyncio.gather(
        *(setting.fetch("w=100") for _ in range(5)), return_exceptions=True
    )
    path.write_bytes(content)

    assert {type(outcome) for outcome in outcomes} == {OriginalDamaged}
    assert setting.renderer.rendered == 1
    assert isinstance((await setting.fetch("w=100")).content, Entry)


async def test_a_job_and_a_requester_share_one_rendering(setting: Setting) -> None:
    """The uploader's browser asks for the thumbnail while its job makes it."""
    thumbnail = parse_text("w=100")
    task = MakeTask(
        setting.image.id,
        setting.image.original,
        (thumbnail,),
        Priority.UPLOAD,
        needs_analysis=False,
    )
    made, fetched = await asyncio.gather(
        setting.make(task),
        setting.fetch("w=100"),
    )

    assert setting.renderer.rendered == 1
    assert made.outcomes == [fetched.variant]


@pytest.mark.parametrize(("is_written", "is_remote"), [(False, False), (True, False), (True, True)])
async def test_a_job_uses_a_variant_made_for_a_requester_meanwhile(
    setting: Setting, is_written: bool, is_remote: bool
) -> None:
    """The job looked for the variant earlier; it may have been written since, or not."""

    async def ask() -> None:
        await setting.fetch("w=100", disk=disk)
        if is_written:
            await disk.flush()

    rows = DelayedStore(setting.service.stores.variants, ask)
    disk = setting.disk(rows, is_remote=is_remote)
    task = MakeTask(
        setting.image.id,
        setting.image.original,
        (parse_text("w=100"),),
        Priority.UPLOAD,
        needs_analysis=False,
    )
    made = await setting.make(task, disk=disk)

    assert setting.renderer.rendered == 1
    assert made.outcomes == [(await setting.fetch("w=100")).variant]
    assert await disk.is_whole((await setting.fetch("w=100")).variant)


async def test_the_limit_of_a_requester_does_not_fail_a_job(setting: Setting) -> None:
    """The requester may not render it; the job may, in its next attempt."""
    original, single_flight = setting.image.original, setting.cache.single_flight
    wanted = setting.cache.identities.identify(setting.image.id, original, parse_text("w=100"))

    async def ask() -> None:
        started = single_flight.start(wanted.key, setting.image.id, is_of_job=False)
        refusal = RateLimited(retry_after=1)
        asyncio.get_running_loop().call_later(0.2, single_flight.complete, started, refusal)

    rows = DelayedStore(setting.service.stores.variants, ask)
    task = setting.task(wanted.plan.transform)
    made = await setting.make(task, disk=setting.disk(rows))

    assert [type(outcome) for outcome in made.outcomes] == [Unavailable]
    assert setting.renderer.rendered == 0


async def test_a_pending_write_is_done_once(setting: Setting) -> None:
    """It is written by the first caller that cannot wait for it."""
    disk = setting.disk(setting.service.stores.variants)
    variant = (await setting.fetch("w=100", disk=disk)).variant

    await asyncio.gather(disk.flush(), disk.flush())

    assert disk.stored_bytes == variant.bytes


async def test_an_eviction_that_the_last_write_begins_ends_before_the_disk_tier_does(
    tmp_path: Path,
) -> None:
    """The database is closed next, so an eviction must end before."""
    async with running_service(tmp_path / "data", workers=1, eager_presets=()) as service:
        setting = await with_image(service)
        disk = setting.disk(setting.service.stores.variants, max_bytes=1)
        await setting.fetch("w=100", disk=disk)

        await disk.close()

        assert disk.evicted == 1
