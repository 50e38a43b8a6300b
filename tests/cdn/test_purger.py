"""The purger, with a database and a receiver that speaks the APIs of CDNs."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from imagesvc.cdn.providers import provider_of, tag_of
from imagesvc.cdn.purger import Purger, seconds_of
from imagesvc.model.ids import ImageId, new_id
from imagesvc.outbound.requests import Outbound, OutboundRules
from imagesvc.store.cdn.purges import Purge, PurgeQueue
from imagesvc.store.db.database import Database
from imagesvc.store.events import EventType, record_image_event
from tests.receiver import Receiver
from tests.waiting import until_async

pytestmark = pytest.mark.anyio
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PATHS = {
    "cloudflare": "/client/v4/zones/z1/purge_cache",
    "fastly": "/service/z1/purge",
    "bunny": "/pullzone/z1/purgeCache",
}
CREDENTIALS = {
    "cloudflare": ("authorization", "Bearer t0ken"),
    "fastly": ("fastly-key", "t0ken"),
    "bunny": ("accesskey", "t0ken"),
}


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """The API of the CDN."""
    receiver = Receiver()
    yield receiver
    receiver.close()


async def change(database: Database, image_id: UUID, event: EventType) -> None:
    """Commit a change of an image."""
    await database.write(
        lambda connection: record_image_event(connection, event, image_id, None, NOON)
    )


@contextlib.asynccontextmanager
async def running(
    database: Database, receiver: Receiver, name: str, queue: PurgeQueue | None = None
) -> AsyncIterator[Purger]:
    """A purger of the receiver."""
    rules = OutboundRules(lambda _address: True, range(1, 65536), "test/1", "CDN")
    purger = Purger(
        database,
        queue or PurgeQueue(database),
        Outbound(rules),
        provider_of(name, "z1", "t0ken", receiver.url("")),
    )
    await purger.queue.begin()
    purger.start()
    try:
        yield purger
    finally:
        await purger.stop()


def tags_of(name: str, bodies: list[bytes]) -> list[list[str]]:
    """The tags of each request."""
    member = {"cloudflare": "tags", "fastly": "surrogate_keys", "bunny": "CacheTag"}[name]
    found = [json.loads(body)[member] for body in bodies]
    return [[tags] if name == "bunny" else tags for tags in found]


@pytest.mark.parametrize(("name", "most"), [("cloudflare", 100), ("fastly", 256), ("bunny", 1)])
async def test_changes_are_purged_in_batches(
    database: Database, receiver: Receiver, name: str, most: int
) -> None:
    """Each image once, with the credential of the provider, and no more at once than it takes."""
    queue, count = PurgeQueue(database), 3 if name == "bunny" else most + 5
    image_ids = [new_id() for _ in range(count)]
    await queue.begin()
    for image_id in image_ids:
        await change(database, image_id, EventType.IMAGE_UPDATED)
    await change(database, image_ids[0], EventType.IMAGE_DELETED)
    await change(database, new_id(), EventType.IMAGE_CREATED)
    while await queue.take_events(NOON):
        pass
    receiver.url(PATHS[name], *([200] * 10))
    receiver.body = b'{"success": true}'

    async with running(database, receiver, name, queue) as purger:
        await until_async(lambda: emptied(purger))

    sent = tags_of(name, [body for _headers, body in receiver.at(PATHS[name])])
    assert sorted(tag for tags in sent for tag in tags) == sorted(
        tag_of(ImageId(image_id)) for image_id in image_ids
    )
    assert [len(tags) for tags in sent] == ([1] * 3 if name == "bunny" else [most, 5])
    field, value = CREDENTIALS[name]
    assert all(headers[field] == value for headers, _body in receiver.at(PATHS[name]))


async def emptied(purger: Purger) -> bool:
    """Whether something was purged, and nothing waits."""
    return purger.record.purged > 0 and not (await purger.queue.waiting()).count


async def test_a_refused_purge_waits_as_long_as_the_cdn_asks(
    database: Database, receiver: Receiver
) -> None:
    """Nothing is sent before, and nothing is lost."""
    receiver.url(PATHS["fastly"], 429)
    receiver.retry_after = "3000"
    first, second = new_id(), new_id()

    async with running(database, receiver, "fastly") as purger:
        await change(database, first, EventType.IMAGE_DELETED)
        await until_async(lambda: refused(purger))
        await change(database, second, EventType.IMAGE_DELETED)
        await until_async(lambda: waits(purger, 2))
        assert len(receiver.at(PATHS["fastly"])) == 1
        assert purger._not_before - time.monotonic() > 2900
        assert purger.record.error == "The CDN answers with status 429."

    async with running(database, receiver, "fastly") as purger:  # a restart does not know it
        await until_async(lambda: emptied(purger))
    _, *later = [body for _headers, body in receiver.at(PATHS["fastly"])]
    assert {tag for tags in tags_of("fastly", later) for tag in tags} == {
        tag_of(ImageId(first)),
        tag_of(ImageId(second)),
    }


async def refused(purger: Purger) -> bool:
    """Whether a request has failed."""
    return purger.record.requests["failed"] > 0


async def waits(purger: Purger, count: int) -> bool:
    """Whether so many images wait for their purge."""
    return (await purger.queue.waiting()).count == count


async def test_cloudflare_must_say_that_it_has_purged(
    database: Database, receiver: Receiver
) -> None:
    """Its status alone does not say so."""
    receiver.url(PATHS["cloudflare"], 200)
    receiver.body = b'{"success": false}'

    async with running(database, receiver, "cloudflare") as purger:
        await change(database, new_id(), EventType.IMAGE_DELETED)
        await until_async(lambda: refused(purger))

        assert await waits(purger, 1)


async def test_a_change_during_a_purge_is_purged_again(database: Database) -> None:
    """The response that the CDN stored between the two is older than the second change."""
    queue, image_id = PurgeQueue(database), new_id()
    await queue.add([image_id], NOON)
    sent = await queue.due(NOON, NOON, 10)
    later = NOON + timedelta(seconds=0.9)
    await queue.add([image_id], later)

    await queue.settle(sent)

    assert sent == [Purge(ImageId(image_id), 1)]
    assert await queue.due(NOON, later, 10) == []  # responses from before it are being sent
    assert await queue.due(later, later, 10) == [Purge(ImageId(image_id), 2)]


async def test_a_clock_that_is_set_back_delays_no_purge(database: Database) -> None:
    """What seems to be requested in the future is due."""
    queue = PurgeQueue(database)
    await queue.add([new_id()], NOON)
    yesterday = NOON - timedelta(days=1)

    assert len(await queue.due(yesterday, yesterday, 10)) == 1
    assert await queue.due(NOON - timedelta(seconds=1), NOON, 10) == []
    before = NOON - timedelta(seconds=0.1)  # read just before the purge was requested
    assert await queue.due(before - timedelta(seconds=1), before, 10) == []


@pytest.mark.parametrize(
    ("field", "seconds"),
    [
        ("7", 7.0),
        ("99999999999", 3600.0),
        ("Thu, 01 Jan 2026 12:00:30 GMT", 30.0),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("Thu, 01 Jan 99999999999999999999 12:00:00 GMT", None),
        ("-5", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(field: str, seconds: float | None) -> None:
    """Of one hour at most."""
    assert seconds_of(field, NOON) == seconds
