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
from imagesvc.library.trash import Trash
from imagesvc.model.ids import ImageId
from imagesvc.model.images import Image, Viewer
from imagesvc.service.service import Service
from imagesvc.store.images import ImageStore
from imagesvc.store.search.listing import ImageFilter
from tests.crash.pictures import jpeg
from tests.jobs.service import running_service, upload

pytestmark = pytest.mark.anyio
DAY = timedelta(days=1)
NO_CLOCK = datetime(1970, 1, 1, tzinfo=UTC)
"""The time of a machine whose battery is empty."""


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

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
        self.due = DueImages(stores.trash, service.removal, 30 * DAY, self.clock)

    async def image(self, seed: int, *, expires_in: timedelta | None = None) -> Image:
        """A new image."""
        image = await upload(self.service, jpeg(seed))
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
    async with running_service(tmp_path / "data") as service:
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
        assert await service.files.blobs.size(image.original.digest) is None


async def test_all_images_of_a_list_go_into_the_trash_in_batches(tmp_path: Path) -> None:
    """Images that leave the list do not make others be skipped."""
    async with running_service(tmp_path / "data", eager_presets=()) as service:
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
    async with running_service(tmp_path / "data") as service:
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
    async with running_service(tmp_path / "data") as service:
        setting = Setting(service)
        image = await setting.image(1, expires_in=DAY)
        late = DueImages(service.stores.trash, service.removal, DAY, Clock())
        late.clock.now += 2 * DAY  # type: ignore[attr-defined]  # of the test
        assert await late.count() == 1

        await setting.editor.edit(image.id, ImageChange(expires_at=None), None)

        assert await late.remove() == 0
        assert await setting.is_found(image.id)
        with pytest.raises(InvalidRequest):
            await setting.editor.edit(image.id, ImageChange(expires_at=setting.clock.now), None)
