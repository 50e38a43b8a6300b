"""Edits of images in the database: concurrent changes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import partial

import pytest

from imagesvc.errors import NotFound, PreconditionFailed
from imagesvc.model.ids import ImageId, new_id
from imagesvc.model.images import Image
from imagesvc.model.jobs import Status
from imagesvc.store.db.database import Database
from imagesvc.store.images import ImageStore
from imagesvc.store.jobs.jobs import JobStore
from imagesvc.store.jobs.turns import Slots
from tests.store.rows import NOON, image_and_job

pytestmark = pytest.mark.anyio


def titled(image: Image, *, title: str) -> Image:
    """The image with another title."""
    return replace(image, title=title)


async def added(images: ImageStore) -> Image:
    """An existing image."""
    image, job = image_and_job()
    await images.add(image, job)
    return image


@pytest.mark.parametrize("editors", [2, 5])
async def test_of_edits_of_one_version_one_is_made(database: Database, editors: int) -> None:
    """All have read version 1; the accepted title stays."""
    images = ImageStore(database)
    image = await added(images)

    came = await asyncio.gather(
        *(
            images.edit(image.id, partial(titled, title=str(n)), expected=frozenset({1}), now=NOON)
            for n in range(editors)
        ),
        return_exceptions=True,
    )

    (winner,) = [item for item in came if isinstance(item, Image)]
    assert [type(item) for item in came].count(PreconditionFailed) == editors - 1
    assert await images.get(image.id) == winner
    assert winner.version == 2


async def test_edits_of_any_version_are_all_made(database: Database) -> None:
    """Without If-Match the last one counts, and each makes a version."""
    images = ImageStore(database)
    image = await added(images)

    await asyncio.gather(
        *(
            images.edit(image.id, partial(titled, title=str(n)), expected=None, now=NOON)
            for n in range(5)
        )
    )

    assert (await images.get(image.id)).version == 6


async def test_a_job_makes_no_version(database: Database) -> None:
    """Otherwise every upload would be a conflict for an immediate edit."""
    images = ImageStore(database)
    image = await added(images)

    await JobStore(database).claim(Slots(1), now=NOON)

    current = await images.get(image.id)
    assert (current.status, current.version) == (Status.PROCESSING, 1)


async def test_an_edit_of_nothing_is_not_found(database: Database) -> None:
    """The image was deleted meanwhile."""
    with pytest.raises(NotFound):
        await ImageStore(database).edit(
            ImageId(new_id()), lambda image: image, expected=None, now=NOON
        )
