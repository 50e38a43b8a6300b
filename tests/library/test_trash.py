"""The trash and expiry on a machine whose clock jumps, and in batches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from imagesvc.cache.images import ImageCache
from imagesvc.errors import InvalidRequest, NotFound
from imagesvc.library.due import DueImages
from imagesvc.library.edit import Editor, ImageChange
from imagesvc.library.housekeeping.clock_watch import ClockWatch
from imagesvc.library.housekeeping.deletion_clock import DeletionClock
from imagesvc.library.trash import Trash
from imagesvc.model.ids import ImageId
from imagesvc.model.images import Image, Viewer
from imagesvc.service.readiness import warnings_of
from imagesvc.service.service import Service
from imagesvc.store.files.last_run import note_run
from imagesvc.store.images import ImageStore
from imagesvc.store.search.listing import ImageFilter
from tests.crash.pictures import jpeg
from tests.jobs.service import idle_service, stored

pytestmark = pytest.mark.anyio
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
NO_CLOCK = datetime(1970, 1, 1, tzinfo=UTC)
"""The time of a machine whose battery is empty."""


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)
        self.jumped = timedelta()

    def jump(self, by: timedelta) -> None:
        """Set the clock, while no time passes."""
        self.now += by
        self.jumped += by

    def passed(self) -> float:
        """Seconds that have passed."""
        return (self.now - self.jumped).timestamp()

    def __call__(self) -> datetime:
        """The time that was set."""
        return self.now


class Setting:
    """The parts of a service that look at the clock, with a clock of the test."""

    def __init__(self, service: Service) -> None:
        stores, caches = service.stores, service.caches
        self.service = service
        self.clock = Clock()
        self.images = ImageStore(stores.database, clock=self.clock)
        self.rows = ImageCache(self.images)
        self.trash = Trash(
            stores.trash,
            service.removal,
            self.rows,
            caches.variants,
            stores.bulk_edits,
            clock=self.clock,
            batch=2,
        )
        self.editor = Editor(self.images, self.rows.forget, self.clock)
        note_run(service.files.data_dir.last_run, self.clock.now)
        self.due = self.started()

    def started(self) -> DueImages:
        """What deletes images, as after a start of the server."""
        stores, data_dir = self.service.stores, self.service.files.data_dir
        clock = DeletionClock(stores.trash, data_dir, self.clock, self.clock.passed)
        return DueImages(stores.trash, self.service.removal, 30 * DAY, clock)

    async def image(self, seed: int, *, expires_in: timedelta | None = None) -> Image:
        """A new image."""
        image = await stored(self.service, jpeg(seed))
        if expires_in is not None:
            change = ImageChange(expires_at=self.clock.now + expires_in)
            await self.editor.edit(image.id, change, None)
        return image

    async def is_found(self, image_id: ImageId) -> bool:
        """Whether an image exists; store and cache must agree."""
        gets: list[Callable[[ImageId], Awaitable[Image]]] = [
            self.rows.get, self.images.get, self.rows.get,
        ]  # fmt: skip
        answers = set()
        for get in gets:
            try:
                await get(image_id)
                answers.add(True)
            except NotFound:
                answers.add(False)
        (answer,) = answers
        return answer


async def test_the_trash_waits_by_the_clock_and_survives_one_that_is_set_back(
    tmp_path: Path,
) -> None:
    """Set back by any time, even before anything was put there, it deletes nothing."""
    async with idle_service(tmp_path / "data") as service:
        setting = Setting(service)
        image = await setting.image(1)
        await setting.trash.put_in([image.id])
        began = setting.clock.now

        for now in (began, began - 300 * DAY, NO_CLOCK, began + 30 * DAY - timedelta(seconds=1)):
            setting.clock.now = now
            assert (await setting.due.count(), await setting.due.remove()) == (0, 0)
            assert await setting.is_found(image.id)
        setting.clock.now = NO_CLOCK
        assert await setting.trash.empty(None) == 1

        assert not await setting.is_found(image.id)
        assert await service.files.blobs.size(image.original.name) is None


async def test_all_images_of_a_list_go_into_the_trash_in_batches(tmp_path: Path) -> None:
    """Images that leave the list do not make others be skipped."""
    async with idle_service(tmp_path / "data", eager_presets=()) as service:
        setting = Setting(service)
        ids = [(await setting.image(seed)).id for seed in range(5)]
        everyone = ImageFilter(Viewer(None, sees_all=True))

        moved = await setting.trash.put_in_found(everyone)

        assert sorted(moved) == sorted(ids)
        assert await service.stores.bulk_edits.found(everyone, limit=9, after=None) == ({}, None)
        assert sorted(await service.stores.trash.of_owner(None)) == sorted(ids)


async def test_an_image_expires_by_the_clock_and_is_not_deleted_by_one_that_is_set_back(
    tmp_path: Path,
) -> None:
    """It is hidden in the instant that it expires, before anything is deleted."""
    async with idle_service(tmp_path / "data") as service:
        setting = Setting(service)
        image = await setting.image(1, expires_in=DAY)
        other = await setting.image(2)
        ends = setting.clock.now + DAY

        for now in (NO_CLOCK, ends - DAY, ends - timedelta(microseconds=1)):
            setting.clock.now = now
            assert await setting.is_found(image.id)
            assert await setting.due.remove() == 0
        for now in (ends, ends + 300 * DAY):
            setting.clock.now = now
            assert not await setting.is_found(image.id)
            assert set(await setting.images.several([image.id, other.id])) == {other.id}
            with pytest.raises(NotFound):
                await setting.editor.edit(image.id, ImageChange(title="x"), None)
        setting.clock.now = ends - DAY
        assert await setting.is_found(image.id)
        setting.clock.now = ends
        assert (await setting.due.count(), await setting.due.remove()) == (1, 1)

        setting.clock.now = NO_CLOCK
        assert not await setting.is_found(image.id)
        assert await setting.is_found(other.id)


async def test_an_image_that_gets_more_time_is_not_deleted(tmp_path: Path) -> None:
    """Its row is looked at again in the transaction that would delete it."""
    async with idle_service(tmp_path / "data") as service:
        setting = Setting(service)
        image = await setting.image(1, expires_in=DAY)
        late, clock = setting.started(), setting.clock
        clock.now += 2 * DAY
        assert await late.count() == 1
        clock.now -= 2 * DAY

        await setting.editor.edit(image.id, ImageChange(expires_at=None), None)

        clock.now += 2 * DAY
        assert await late.remove() == 0
        assert await setting.is_found(image.id)
        with pytest.raises(InvalidRequest):
            await setting.editor.edit(image.id, ImageChange(expires_at=setting.clock.now), None)


@pytest.mark.parametrize("has_restarted", [True, False])
async def test_what_a_wrong_clock_put_into_the_trash_stays_for_the_whole_retention(
    tmp_path: Path, has_restarted: bool
) -> None:
    """The machine starts without a time, which is corrected later, with or without a restart."""
    async with idle_service(tmp_path / "data") as service:
        setting = Setting(service)
        image = await setting.image(1)
        clock, right = setting.clock, setting.clock.now
        due = setting.started()
        clock.jump(NO_CLOCK - right)
        assert await due.remove() == 0
        await setting.trash.put_in([image.id])

        clock.now += HOUR
        assert await due.remove() == 0
        due = setting.started() if has_restarted else due
        clock.jump(right - NO_CLOCK)
        assert (await due.count(), await due.remove()) == (0, 0)
        clock.now += 29 * DAY
        assert await due.remove() == 0
        assert await setting.is_found(image.id)
        clock.now += 2 * DAY

        assert await due.remove() == 1
        assert not await setting.is_found(image.id)


@pytest.mark.parametrize("jump", [1000 * DAY, 2 * DAY])
async def test_a_clock_in_the_future_deletes_nothing_for_hours_also_after_a_restart(
    tmp_path: Path, jump: timedelta
) -> None:
    """Images expire, but are kept; when the clock is right again, they are as they were."""
    async with idle_service(tmp_path / "data") as service:
        setting = Setting(service)
        image = await setting.image(1, expires_in=DAY)
        trashed = await setting.image(2)
        await setting.trash.put_in([trashed.id])
        clock = setting.clock
        assert await setting.due.remove() == 0

        clock.jump(jump)
        for due in (setting.due, setting.started()):
            assert (await due.count(), await due.remove()) == (0, 0)
            clock.now += 5 * HOUR
            assert await due.remove() == 0
            assert due.clock.is_held
        clock.jump(-jump)

        assert await due.remove() == 0
        assert await setting.is_found(image.id)
        clock.now += 15 * HOUR
        assert await due.remove() == 1  # it has expired
        assert not due.clock.is_held
        clock.now += 30 * DAY
        assert await due.remove() == 1


async def test_a_clock_behind_the_newest_row_is_logged_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Operators see it at the start, and again when it is right."""
    async with idle_service(tmp_path / "data") as service:
        await stored(service, jpeg(1))
        clock = Clock()
        watch = service.clock_watch = ClockWatch(service.stores.database, clock)
        await watch.look()
        assert warnings_of(service) == {}

        clock.jump(-HOUR)
        await watch.look()
        await watch.look()
        assert "behind what is stored" in warnings_of(service)["clock"]
        clock.jump(HOUR)
        await watch.look()

        assert warnings_of(service) == {}
    printed = "".join(capsys.readouterr())
    assert (printed.count("clock.behind"), printed.count("clock.right")) == (1, 1)
