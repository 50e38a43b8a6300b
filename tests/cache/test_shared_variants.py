"""Bytes of variants that several workers and servers store under one key."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from imagesvc.cache.disk import DiskTier
from imagesvc.errors import OutcomeUnknown
from imagesvc.model.formats import Format
from imagesvc.model.ids import VariantKey
from imagesvc.model.images import Image, Variant
from imagesvc.model.jobs import Status
from imagesvc.store.db.database import Database
from imagesvc.store.files.variant_files import VariantFiles
from imagesvc.store.images import ImageStore
from imagesvc.store.jobs.jobs import JobStore
from imagesvc.store.jobs.settling import Settlement
from imagesvc.store.jobs.turns import Slots
from imagesvc.store.variants import VariantStore
from tests.store.rows import NOON, image_and_job

pytestmark = pytest.mark.anyio
CONTENT = b"bytes of a variant"


class LosingStore(VariantStore):
    """Commits, and loses the database before the answer."""

    async def add(self, made: Sequence[Variant]) -> set[VariantKey]:
        """Add rows."""
        await super().add(made)
        raise OutcomeUnknown("lost")


def variant_of(image: Image) -> Variant:
    """A variant of an image."""
    key, size = VariantKey("ab" * 32), len(CONTENT)
    return Variant(
        key, image.id, "w=256", Format.JPEG, 4, 3, size, zlib.crc32(CONTENT), NOON, NOON
    )  # fmt: skip


async def test_what_an_attempt_leaves_stays_while_another_has_the_job(
    database: Database, tmp_path: Path
) -> None:
    """An attempt whose job was given to another worker removes nothing that this one stores."""
    image, job = image_and_job()
    variant, jobs = variant_of(image), JobStore(database)
    await ImageStore(database).add(image, job)
    disk = DiskTier(VariantStore(database), VariantFiles(tmp_path), 1 << 20)
    await disk.write([(variant, CONTENT)])
    await disk.discard([variant])
    assert await disk.is_whole(variant)
    await jobs.claim(Slots(1, Counter()), now=NOON)
    await disk.discard([variant])
    assert await disk.is_whole(variant)

    await jobs.settle(Settlement(job.id, Status.FAILED, (), (), NOON), now=NOON)
    await disk.discard([variant])
    assert not await disk.is_whole(variant)


async def test_bytes_stay_whose_rows_may_have_been_committed(
    database: Database, tmp_path: Path
) -> None:
    image, job = image_and_job()
    variant = variant_of(image)
    await ImageStore(database).add(image, job)
    disk = DiskTier(LosingStore(database), VariantFiles(tmp_path), 1 << 20)

    with pytest.raises(OutcomeUnknown):
        await disk.put([(variant, CONTENT)])

    assert await disk.stored([variant.key]) == {variant.key: variant}
