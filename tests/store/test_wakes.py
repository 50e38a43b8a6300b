"""Those who wait for events are woken by commits that may have added some, and by no others."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from imagesvc.model.formats import Format
from imagesvc.model.ids import ImageId, KeyId, SourceId, VariantKey, new_id
from imagesvc.model.images import Image, Variant
from imagesvc.model.uploads import IdempotencyRecord, PendingUpload
from imagesvc.store.credentials import KeyStore
from imagesvc.store.db.database import Database
from imagesvc.store.db.sqlite.database import EmbeddedDatabase
from imagesvc.store.db.sqlite.migrate import migrate
from imagesvc.store.idempotency import IdempotencyStore
from imagesvc.store.images import ImageStore
from imagesvc.store.pending_uploads import PendingUploadStore
from imagesvc.store.sources.sources import SourceStore
from imagesvc.store.variants import VariantStore
from tests.store.rows import NOON, image_and_job
from tests.waiting import PATIENCE

pytestmark = pytest.mark.anyio


def variant_of(image: Image) -> Variant:
    """The row of a variant."""
    return Variant(
        key=VariantKey(image.id.hex * 2), image_id=image.id, transform="w=1", format=Format.JPEG,
        width=1, height=1, bytes=1, crc32=0, created_at=NOON, last_used_at=NOON,
    )  # fmt: skip


async def test_only_rows_of_variants_wake_no_subscriber(tmp_path: Path) -> None:
    migrate(tmp_path / "imagesvc.db")
    database = EmbeddedDatabase(tmp_path / "imagesvc.db")
    images, variants = ImageStore(database), VariantStore(database)
    image, job = image_and_job()
    variant = variant_of(image)
    with database.subscribe() as wake:
        await images.add(image, job)
        assert wake.is_set()

        wake.clear()
        assert await variants.add([variant]) == {variant.key}
        await variants.touch({variant.key: NOON})
        assert not wake.is_set()

        second = image_and_job()
        await asyncio.gather(variants.add([variant]), images.add(*second))
        assert wake.is_set()
    await database.close()


async def test_rows_without_events_wake_no_subscriber(database: Database) -> None:
    """Each open stream of events would ask for new ones, and so would the webhooks."""
    record = IdempotencyRecord("p", "key", "print", 200, {}, "", NOON, NOON)
    pending = PendingUpload(ImageId(new_id()), None, "a.jpg", None, 1, {}, NOON, NOON)
    with database.subscribe() as wake:
        if not isinstance(database, EmbeddedDatabase):  # it wakes once it listens
            await asyncio.wait_for(wake.wait(), PATIENCE)
            wake.clear()
        await IdempotencyStore(database).add(record)
        await PendingUploadStore(database).add(pending)
        await KeyStore(database).note_uses({KeyId(new_id()): NOON})
        await SourceStore(database).remove(SourceId(new_id()))
        assert not wake.is_set()
