"""The usage of owners is counted in the transactions that change it, and never exceeds a quota."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from imagesvc.errors import NotFound, QuotaExceeded, RequestInProgress
from imagesvc.model.accounts import Quota
from imagesvc.model.formats import Format
from imagesvc.model.ids import Digest, ImageId, JobId, UserId, new_id
from imagesvc.model.images import Image, Original, Visibility
from imagesvc.model.jobs import Job, Priority, Status
from imagesvc.model.uploads import IdempotencyRecord
from imagesvc.store.db.database import Database
from imagesvc.store.db.schema.accounts import users
from imagesvc.store.db.schema.images import images
from imagesvc.store.db.schema.requests import receipts
from imagesvc.store.db.sqlite.database import EmbeddedDatabase
from imagesvc.store.db.sqlite.migrate import migrate
from imagesvc.store.idempotency import IdempotencyStore
from imagesvc.store.images import ImageStore

pytestmark = pytest.mark.anyio
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
OWNER = UserId(new_id())


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A database with one user."""
    path = tmp_path / "imagesvc.db"
    migrate(path)
    database = EmbeddedDatabase(path)
    user = {
        "id": OWNER, "name": "ann", "is_admin": False, "is_disabled": False,
        "image_count": 0, "image_bytes": 0, "created_at": NOON,
    }  # fmt: skip
    await database.write(lambda connection: connection.execute(insert(users), [user]))
    yield database
    await database.close()


def image_of(owner_id: UserId | None, size: int = 100) -> tuple[Image, Job]:
    """A new image with its job."""
    image_id, job_id = ImageId(new_id()), JobId(new_id())
    original = Original(Digest(image_id.hex * 2), Format.JPEG, 4, 3, 1, False, 36)
    image = Image(
        id=image_id, original=original, bytes=size, filename="a.jpg", title="a", description="",
        tags=(), visibility=Visibility.PUBLIC, status=Status.PENDING, exif={}, created_at=NOON,
        updated_at=NOON, job_id=job_id, owner_id=owner_id,
    )  # fmt: skip
    job = Job(
        id=job_id, image_id=image_id, priority=Priority.UPLOAD, status=Status.PENDING, attempts=0,
        operations=(), error_code=None, error_detail=None, due_at=NOON, created_at=NOON,
        started_at=None, finished_at=None, owner_id=owner_id,
    )  # fmt: skip
    return image, job


def receipt_of(key: str, **changes: Any) -> IdempotencyRecord:
    """A record that has not expired at noon."""
    values: dict[str, Any] = {
        "principal": "ann", "key": key, "fingerprint": "f", "status": 201, "headers": {},
        "body": "{}", "created_at": NOON, "expires_at": NOON.replace(hour=13),
    }  # fmt: skip
    return IdempotencyRecord(**values | changes)


@pytest.mark.parametrize("quota", [Quota(images=5), Quota(bytes=599)])
async def test_sixteen_uploads_at_once_stop_exactly_at_the_quota(
    database: Database, quota: Quota
) -> None:
    """Each saw free quota; only the transaction is authoritative."""
    store = ImageStore(database, quota)

    results = await asyncio.gather(
        *(store.add(*image_of(OWNER)) for _ in range(16)), return_exceptions=True
    )

    refused = [result for result in results if isinstance(result, BaseException)]
    assert len(results) - len(refused) == 5
    assert all(isinstance(result, QuotaExceeded) for result in refused)
    usage = await store.usage(OWNER)
    assert (usage.images, usage.bytes) == (5, 500)
    rows = await database.read(lambda connection: connection.execute(select(images.c.id)).all())
    assert len(rows) == 5


async def test_a_deleted_image_makes_room(database: Database) -> None:
    """Counters go down in the transaction that deletes."""
    store = ImageStore(database, Quota(images=1))
    image, job = image_of(OWNER, 300)
    await store.add(image, job)
    with pytest.raises(QuotaExceeded, match="quota of 1 images is used up"):
        await store.add(*image_of(OWNER))

    await store.remove(image.id, now=NOON)

    usage = await store.usage(OWNER)
    assert (usage.images, usage.bytes) == (0, 0)
    await store.add(*image_of(OWNER))


async def test_a_user_may_have_a_quota_of_its_own(database: Database) -> None:
    """The row of the user has precedence over the settings."""
    store = ImageStore(database, Quota(images=1))
    more = update(users).where(users.c.id == OWNER).values(quota_images=3)
    await database.write(lambda connection: connection.execute(more))

    for _ in range(3):
        await store.add(*image_of(OWNER))
    with pytest.raises(QuotaExceeded):
        await store.add(*image_of(OWNER))

    assert (await store.usage(OWNER)).quota == Quota(images=3)


async def test_images_without_owner_are_not_counted(database: Database) -> None:
    """Without accounts there is no user to charge."""
    store = ImageStore(database, Quota(images=1))

    for _ in range(3):
        await store.add(*image_of(None))

    assert (await store.usage(OWNER)).images == 0


async def test_a_removed_user_has_no_usage(database: Database) -> None:
    """A removed user has no usage."""
    with pytest.raises(NotFound):
        await ImageStore(database).usage(UserId(new_id()))


async def test_a_record_is_committed_with_its_image_or_not_at_all(database: Database) -> None:
    """Otherwise a crash between the two would do the work twice, or never."""
    store, kept = ImageStore(database, Quota(images=1)), IdempotencyStore(database)
    await store.add(*image_of(OWNER), receipt_of("one"))
    with pytest.raises(QuotaExceeded):
        await store.add(*image_of(OWNER), receipt_of("two"))
    with pytest.raises(RequestInProgress):
        await store.add(*image_of(None), receipt_of("one"))

    assert await kept.find("ann", "one", now=NOON) == receipt_of("one")
    assert await kept.find("ann", "two", now=NOON) is None
    rows = await database.read(lambda connection: connection.execute(select(images.c.id)).all())
    assert len(rows) == 1


async def test_principals_have_keys_of_their_own(database: Database) -> None:
    """Users who number their requests must not get each other's responses."""
    kept = IdempotencyStore(database)
    await kept.add(receipt_of("1", body="ann's"))
    await kept.add(receipt_of("1", body="bob's", principal="bob"))

    found = await kept.find("bob", "1", now=NOON)

    assert found is not None
    assert found.body == "bob's"
    assert await kept.find("eve", "1", now=NOON) is None


async def test_an_expired_record_is_replaced(database: Database) -> None:
    """This holds before and after it is pruned."""
    kept = IdempotencyStore(database)
    later = NOON.replace(hour=13)
    await kept.add(receipt_of("1"))
    assert await kept.find("ann", "1", now=later) is None

    await kept.add(receipt_of("1", body="new", created_at=later, expires_at=later.replace(hour=14)))

    found = await kept.find("ann", "1", now=later)
    assert found is not None
    assert found.body == "new"
    assert await kept.prune(later) == 0
    assert await kept.prune(later.replace(hour=14)) == 1
    rows = await database.read(lambda connection: connection.execute(select(receipts.c.key)).all())
    assert not rows
