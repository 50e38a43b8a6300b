"""Delivery of webhooks, with a resolver and a clock of the test."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update
from structlog.testing import capture_logs

from imagesvc.errors import Conflict
from imagesvc.model.ids import new_id, utc_now
from imagesvc.model.images import Viewer
from imagesvc.outbound.addresses import Address
from imagesvc.outbound.lookups import Lookups, Resolver, system_addresses
from imagesvc.outbound.requests import Outbound, OutboundRules
from imagesvc.store.db.database import Database
from imagesvc.store.db.schema.events import webhook_deliveries
from imagesvc.store.db.sqlite.database import EmbeddedDatabase
from imagesvc.store.events import EventStore, EventType, record_image_event
from imagesvc.store.webhooks.deliveries import MAX_WAITING, Delivery, DeliveryStatus, DeliveryStore
from imagesvc.store.webhooks.outbox import Outbox
from imagesvc.store.webhooks.subscriptions import Webhook, WebhookId, WebhookStore
from imagesvc.webhooks.dispatcher import PAUSE_SECONDS, Dispatcher, DispatcherLimits
from imagesvc.webhooks.signatures import new_secret
from tests.outbound.test_source import HERE, THERE, Names
from tests.receiver import Receiver
from tests.waiting import PATIENCE, until, until_async

pytestmark = pytest.mark.anyio
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Where webhooks go."""
    receiver = Receiver()
    yield receiver
    receiver.close()


async def hook_of(database: Database, url: str) -> Webhook:
    """A new webhook for all events."""
    hook = Webhook(WebhookId(new_id()), None, url, new_secret(), ("*",), True, NOON, NOON)
    await WebhookStore(database).add(hook)
    return hook


@contextlib.asynccontextmanager
async def sending(
    database: Database, resolver: Resolver = system_addresses
) -> AsyncIterator[Dispatcher]:
    """A running dispatcher, which may send to 127.0.0.1 only."""
    rules = OutboundRules(lambda address: address == HERE, range(1, 65536), "test/1", "receiver")
    dispatcher = Dispatcher(
        database,
        Outbox(database),
        Outbound(rules, lookups=Lookups(resolver)),
        DispatcherLimits(PATIENCE, 0.001, timedelta(days=1)),
    )
    dispatcher.start()
    try:
        yield dispatcher
    finally:
        await dispatcher.stop(5.0)


async def ended(database: Database, hook: Webhook) -> Delivery:
    """The newest delivery of a webhook when it is no longer pending."""

    async def newest() -> Delivery | None:
        (delivery, *_), _ = await DeliveryStore(database).page(hook.id, limit=1, after=None)
        return None if delivery.status is DeliveryStatus.PENDING else delivery

    return await until_async(newest)


async def tell(database: Database, count: int) -> None:
    """Make some events happen."""

    def work(connection: object) -> None:
        for _ in range(count):
            record_image_event(connection, EventType.IMAGE_CREATED, new_id(), None, utc_now())  # type: ignore[arg-type]

    await database.write(work)


async def test_deliveries_that_are_due_together_begin_in_the_order_of_events(
    database: Database,
) -> None:
    """Also if the database has their rows in another order."""
    hook, outbox = await hook_of(database, "http://127.0.0.1/x"), Outbox(database)
    await tell(database, 5)
    assert await outbox.fan_out(5, now=NOON)
    reverse = update(webhook_deliveries).values(event_id=-webhook_deliveries.c.event_id)
    await database.write(lambda connection: connection.execute(reverse))

    due = await outbox.due(NOON, 3)

    (first, *_), _ = await DeliveryStore(database).page(hook.id, limit=5, after=None)
    assert first.event_id is not None
    bodies = [int(json.loads(each.body)["id"]) for each in due]
    assert bodies == [-first.event_id - number for number in range(3)]


async def test_a_name_that_becomes_internal_is_sent_nothing(
    database: Database, receiver: Receiver
) -> None:
    """The name is looked up for each attempt: it may have become internal since the check."""
    url = receiver.url("/x", *[500] * 9).replace("127.0.0.1", "hooks.example")
    hook = await hook_of(database, url)
    names = Names(hooks_example=[[HERE], [HERE], [THERE]])
    async with sending(database, names) as dispatcher:
        await dispatcher.check(url, None)
        await DeliveryStore(database).add_test(hook, now=utc_now())
        delivery = await ended(database, hook)

    assert len(receiver.at("/x")) == 1
    assert (delivery.status, delivery.attempts) == (DeliveryStatus.FAILED, 6)
    assert delivery.error == "url names a host that has no public address."


@pytest.mark.breadth
async def test_a_delivery_that_fails_by_a_bug_is_not_tried_without_end(
    database: Database, receiver: Receiver
) -> None:
    """It counts as an attempt, with its delay."""
    asked = 0

    def broken(_host: str, _port: int) -> Sequence[Address]:
        nonlocal asked
        asked += 1
        raise ZeroDivisionError

    hook = await hook_of(database, receiver.url("/x").replace("127.0.0.1", "hooks.example"))
    async with sending(database, broken):
        await DeliveryStore(database).add_test(hook, now=utc_now())
        delivery = await ended(database, hook)

    assert (delivery.status, delivery.attempts, asked) == (DeliveryStatus.FAILED, 6, 6)


async def test_a_replay_survives_the_attempt_in_progress(
    database: Database, receiver: Receiver
) -> None:
    """The last attempt fails after the replay was requested.

    The delivery is still sent once more.
    """
    hook = await hook_of(database, receiver.url("/held", 500))
    store = DeliveryStore(database)
    delivery = await store.add_test(hook, now=utc_now())
    last = update(webhook_deliveries).values(attempts=5)
    await database.write(lambda connection: connection.execute(last))
    async with sending(database):
        await asyncio.to_thread(until, lambda: receiver.at("/held"))
        await store.replay(hook.id, delivery.id, now=utc_now())
        receiver.released.set()
        await asyncio.to_thread(until, lambda: len(receiver.at("/held")) == 2)
        after = await ended(database, hook)

    found, _ = await store.page(hook.id, limit=10, after=None)
    assert [one.id for one in found] == [delivery.id]
    assert (after.status, after.attempts) == (DeliveryStatus.SUCCEEDED, 1)
    assert len(receiver.at("/held")) == 2


async def test_an_unreachable_receiver_has_a_bounded_backlog(database: Database) -> None:
    """No event is lost: further events are sent when there is space."""
    hook = await hook_of(database, "http://127.0.0.1:1/")
    store, outbox = DeliveryStore(database), Outbox(database)
    await tell(database, MAX_WAITING + 50)

    while await outbox.fan_out(400, now=NOON):
        pass

    query = select(webhook_deliveries.c.event_id).order_by(webhook_deliveries.c.event_id)
    waiting = list(await database.read(lambda connection: connection.scalars(query).all()))
    assert len(waiting) == MAX_WAITING
    with pytest.raises(Conflict, match="already wait"):
        await store.add_test(hook, now=NOON)
    taken = update(webhook_deliveries).values(status="succeeded", finished_at=NOON)
    await database.write(lambda connection: connection.execute(taken))
    assert await outbox.fan_out(400, now=NOON)
    told = list(await database.read(lambda connection: connection.scalars(query).all()))
    events, _ = await EventStore(database).after(0, Viewer(None, True), (), limit=2000)
    assert told == [event.id for event in events]


async def test_what_one_node_has_claimed_no_other_takes(database: Database) -> None:
    """Until the claim is over: then the delivery is due again."""
    await hook_of(database, "http://127.0.0.1:1/")
    outbox, until_then = Outbox(database), NOON + timedelta(minutes=1)
    await tell(database, 2)
    await outbox.fan_out(10, now=NOON)
    found = await outbox.due(NOON, 10)
    first, second = found

    assert [due.id for due in await outbox.claim([first], until=until_then)] == [first.id]
    assert [due.id for due in await outbox.claim(found, until=until_then)] == [second.id]
    assert await outbox.due(NOON, 10) == []
    assert len(await outbox.due(until_then, 10)) == 2


@contextlib.asynccontextmanager
async def refusing(database: Database, statement: str) -> AsyncIterator[None]:
    """The table of deliveries refuses a kind of statement, as a database in trouble does."""
    refusal = f"""
        CREATE TRIGGER refusal BEFORE {statement} ON webhook_deliveries
        BEGIN SELECT RAISE(ABORT, 'refused'); END
    """
    await database.write(lambda connection: connection.exec_driver_sql(refusal))
    yield
    await database.write(lambda connection: connection.exec_driver_sql("DROP TRIGGER refusal"))


async def test_events_that_cannot_be_sent_for_a_time_are_logged_once(
    embedded: EmbeddedDatabase, receiver: Receiver
) -> None:
    """Each commit is a reason to try again, and a busy service has many."""
    await hook_of(embedded, receiver.url("/x"))
    with capture_logs() as lines:
        async with sending(embedded):
            async with refusing(embedded, "INSERT"):
                for attempt in range(1, 5):
                    await tell(embedded, 1)
                    await asyncio.to_thread(until, lambda: embedded.failures.count >= attempt)  # noqa: B023
            await asyncio.to_thread(until, lambda: len(receiver.at("/x")) == 4)

    actions = [line["action"] for line in lines if line["action"].startswith("webhooks.")]
    assert actions == ["webhooks.failed", "webhooks.passed"]


async def test_results_that_cannot_be_stored_for_a_time_are_logged_once(
    embedded: EmbeddedDatabase, receiver: Receiver
) -> None:
    """Many deliveries meet the same outage at the same time."""
    for number in range(3):
        await hook_of(embedded, receiver.url(f"/{number}"))
    with capture_logs() as lines:
        async with sending(embedded) as dispatcher:
            async with refusing(embedded, "UPDATE"):
                await tell(embedded, 1)
                await asyncio.to_thread(until, lambda: embedded.failures.count >= 3)
            await hook_of(embedded, receiver.url("/x"))
            await tell(embedded, 1)
            await asyncio.to_thread(until, lambda: dispatcher.attempts)
            await dispatcher.stop(0)

    actions = [line["action"] for line in lines if line["action"].startswith("webhooks.")]
    assert actions == ["webhooks.unsettled", "webhooks.settled"]


@pytest.mark.parametrize("turns", range(8))
async def test_a_stop_just_after_something_happened_ends(database: Database, turns: int) -> None:
    """This holds for every turn of the loop."""
    async with asyncio.timeout(PATIENCE):
        async with sending(database):
            await asyncio.sleep(2 * PAUSE_SECONDS)  # now it waits for the next commit
            await tell(database, 1)
            for _ in range(turns):
                await asyncio.sleep(0)
