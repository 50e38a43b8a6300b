"""Queries about what webhooks are sent: events become deliveries, and deliveries end."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NewType
from uuid import UUID

from sqlalchemy import Connection, Row, delete, func, insert, select, text, update

from imagesvc.errors import Conflict, NotFound
from imagesvc.model import new_id
from imagesvc.store.database import Database
from imagesvc.store.schema import events, users, webhook_deliveries, webhooks
from imagesvc.store.webhooks import (
    EVERY_TYPE,
    Webhook,
    WebhookId,
    give_up,
    newest_event,
    no_webhook,
)

DeliveryId = NewType("DeliveryId", UUID)

PRUNED_AT_ONCE = 2000
WEBHOOKS_AT_ONCE = 50
MAX_WAITING = 1000
"""Deliveries that may wait for one webhook; further events stay events until there is room."""
TEST_TYPE = "webhook.test"


class DeliveryStatus(StrEnum):
    """How far a delivery has come."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one webhook, sent until it is taken or given up."""

    id: DeliveryId
    webhook_id: WebhookId
    event_id: int | None
    """None for a test."""
    event_type: str
    status: DeliveryStatus
    attempts: int
    due_at: datetime
    answer_status: int | None
    error: str | None
    created_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that is to be sent now, and all that sending needs."""

    id: DeliveryId
    webhook_id: WebhookId
    attempts: int
    """Before this one."""
    due_at: datetime
    url: str
    secret: str
    body: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an attempt."""

    status: DeliveryStatus
    answer_status: int | None = None
    error: str | None = None
    due_at: datetime | None = None
    """When to try again, where it is still pending."""
    is_gone: bool = False
    """Whether the receiver wants nothing any more."""


_IS_PENDING = text("webhook_deliveries.status = 'pending'")  # as its indexes have it
_WAITING = (
    select(func.count())
    .select_from(webhook_deliveries)
    .where(webhook_deliveries.c.webhook_id == webhooks.c.id, _IS_PENDING)
    .scalar_subquery()
)
_BEHIND = (
    select(webhooks, users.c.is_disabled, _WAITING.label("waiting"))
    .outerjoin(users, users.c.id == webhooks.c.owner_id)
    .where(
        webhooks.c.is_enabled,
        webhooks.c.last_event_id < select(func.max(events.c.id)).scalar_subquery(),
        _WAITING < MAX_WAITING,
    )
    .order_by(webhooks.c.last_event_id)
    .limit(WEBHOOKS_AT_ONCE)
)
_MAY_BE_SENT = webhook_deliveries.join(
    webhooks, webhooks.c.id == webhook_deliveries.c.webhook_id
).outerjoin(users, users.c.id == webhooks.c.owner_id)
_PENDING = (
    _IS_PENDING,
    webhooks.c.is_enabled,
    func.coalesce(users.c.is_disabled, False).is_(False),
)


class DeliveryStore:
    """The deliveries of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fan_out(self, limit: int, *, now: datetime) -> bool:
        """Make deliveries of new events, up to `limit` for a webhook; whether there were any.

        A webhook for which `MAX_WAITING` wait gets none. The deliveries and how far each webhook
        has come are one transaction, so that a crash neither loses an event nor tells it twice.
        """
        if not await self._database.read(lambda connection: connection.execute(_BEHIND).all()):
            return False

        def work(connection: Connection) -> None:
            newest = newest_event(connection)
            for row in connection.execute(_BEHIND).all():
                most = min(limit, MAX_WAITING - row.waiting)
                found = [] if row.is_disabled else _news(connection, row, most)
                last = found[-1].id if len(found) == most else newest
                if found:
                    values = [_of_event(row.id, event, now) for event in found]
                    connection.execute(insert(webhook_deliveries), values)
                connection.execute(
                    update(webhooks).where(webhooks.c.id == row.id).values(last_event_id=last)
                )

        await self._database.write(work)
        return True

    async def count_waiting(self) -> int:
        """How many deliveries are still to be sent, or sent again."""
        query = select(func.count()).select_from(webhook_deliveries).where(_IS_PENDING)
        return await self._database.read(lambda connection: connection.scalar(query) or 0)

    async def due(
        self, now: datetime, limit: int, *, but: Collection[UUID], busy: Collection[UUID]
    ) -> list[Due]:
        """Deliveries to send now, the longest due first: none of `but`, none for `busy`."""
        deliveries = webhook_deliveries.c
        query = (
            select(
                deliveries.id, deliveries.webhook_id, deliveries.attempts, deliveries.due_at,
                deliveries.body, webhooks.c.url, webhooks.c.secret,
            )
            .select_from(_MAY_BE_SENT)
            .where(
                *_PENDING,
                deliveries.due_at <= now,
                deliveries.id.not_in(but),
                deliveries.webhook_id.not_in(busy),
            )
            .order_by(deliveries.due_at)
            .limit(limit)
        )  # fmt: skip
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [Due(**row._asdict()) for row in rows]

    async def next_due_at(self, now: datetime) -> datetime | None:
        """When the next delivery after now is due, if any is."""
        due_at = webhook_deliveries.c.due_at
        query = (
            select(due_at)
            .select_from(_MAY_BE_SENT)
            .where(*_PENDING, due_at > now)
            .order_by(due_at)
            .limit(1)
        )
        return await self._database.read(lambda connection: connection.scalar(query))

    async def settle(
        self, due: Due, outcome: Outcome, *, now: datetime, patience: timedelta
    ) -> bool:
        """Write what came of an attempt; whether its webhook was disabled.

        It is when its receiver is gone, and when a delivery has failed for good that ends
        `patience` of nothing but failures. Of a delivery that is not pending any more, or that
        was to be sent once more meanwhile, nothing is written.
        """
        deliveries = webhook_deliveries.c
        is_pending = outcome.status is DeliveryStatus.PENDING
        values = {
            "status": outcome.status,
            "attempts": due.attempts + 1,
            "answer_status": outcome.answer_status,
            "error": outcome.error,
            "finished_at": None if is_pending else now,
        }
        if outcome.due_at is not None:
            values["due_at"] = outcome.due_at

        def work(connection: Connection) -> bool:
            settled = connection.execute(
                update(webhook_deliveries)
                .where(deliveries.id == due.id, _IS_PENDING, deliveries.due_at == due.due_at)
                .values(values)
            )
            if not settled.rowcount:
                return False
            since = _note_health(connection, due.webhook_id, outcome, now)
            is_over = outcome.status is DeliveryStatus.FAILED and now - since >= patience
            if outcome.is_gone or is_over:
                disabled = {"is_enabled": False, "updated_at": now}
                connection.execute(
                    update(webhooks).where(webhooks.c.id == due.webhook_id).values(disabled)
                )
                give_up(connection, due.webhook_id, now)
                return True
            return False

        return await self._database.write(work)

    async def page(
        self, webhook_id: WebhookId, *, limit: int, after: DeliveryId | None
    ) -> tuple[list[Delivery], DeliveryId | None]:
        """Deliveries of a webhook newest first, and the id to go on after."""
        deliveries = webhook_deliveries.c
        query = (
            select(*(column for column in deliveries if column.name != "body"))
            .where(deliveries.webhook_id == webhook_id)
            .order_by(deliveries.id.desc())
            .limit(limit + 1)
        )
        if after is not None:
            query = query.where(deliveries.id < after)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        found = [_delivery(row) for row in rows[:limit]]
        return found, found[-1].id if len(rows) > limit else None

    async def replay(
        self, webhook_id: WebhookId, delivery_id: DeliveryId, *, now: datetime
    ) -> Delivery:
        """Have a delivery sent once more, with as many attempts as a new one.

        Raises:
            NotFound: the webhook has no such delivery.
            Conflict: it is disabled, or too many wait for it.
        """
        deliveries = webhook_deliveries.c
        one = (deliveries.id == delivery_id, deliveries.webhook_id == webhook_id)

        def work(connection: Connection) -> Delivery:
            row = connection.execute(select(webhook_deliveries).where(*one)).first()
            if row is None:
                raise NotFound("There is no delivery with this id.")
            _check_may_wait(connection, webhook_id)
            anew = {"status": "pending", "attempts": 0, "due_at": now, "finished_at": None}
            connection.execute(update(webhook_deliveries).where(*one).values(anew))
            return _delivery(connection.execute(select(webhook_deliveries).where(*one)).one())

        return await self._database.write(work)

    async def add_test(self, webhook: Webhook, *, now: datetime) -> Delivery:
        """Have something sent that no event is behind.

        Raises:
            NotFound: the webhook is gone.
            Conflict: it is disabled, or too many wait for it.
        """
        delivery_id = new_id()
        body = _body(TEST_TYPE, now, str(delivery_id), {"webhook_id": str(webhook.id)})
        values = _row(delivery_id, webhook.id, None, TEST_TYPE, body, now)

        def work(connection: Connection) -> Delivery:
            _check_may_wait(connection, webhook.id)
            connection.execute(insert(webhook_deliveries), [values])
            query = select(webhook_deliveries).where(webhook_deliveries.c.id == delivery_id)
            return _delivery(connection.execute(query).one())

        return await self._database.write(work)

    async def prune(self, before: datetime) -> None:
        """Delete what ended before an instant."""
        deliveries = webhook_deliveries.c
        old = select(deliveries.id).where(deliveries.finished_at < before).limit(PRUNED_AT_ONCE)

        def work(connection: Connection) -> int:
            return connection.execute(
                delete(webhook_deliveries).where(deliveries.id.in_(old))
            ).rowcount

        while await self._database.write(work) == PRUNED_AT_ONCE:
            pass


def _check_may_wait(connection: Connection, webhook_id: UUID) -> None:
    query = select(webhooks.c.is_enabled, _WAITING.label("waiting"))
    row = connection.execute(query.where(webhooks.c.id == webhook_id)).first()
    if row is None:
        raise no_webhook()
    if not row.is_enabled:
        raise Conflict("The webhook is disabled.")
    if row.waiting >= MAX_WAITING:
        raise Conflict(f"For this webhook {MAX_WAITING:,} deliveries wait already.")


def _note_health(
    connection: Connection, webhook_id: UUID, outcome: Outcome, now: datetime
) -> datetime:
    """Keep since when every attempt for a webhook has failed; that instant, or now."""
    one = webhooks.c.id == webhook_id
    known = connection.scalar(select(webhooks.c.failing_since).where(one))
    since = None if outcome.status is DeliveryStatus.SUCCEEDED else known or now
    if since != known:
        connection.execute(update(webhooks).where(one).values(failing_since=since))
    return since or now


def _news(connection: Connection, webhook: Row[Any], limit: int) -> list[Row[Any]]:
    query = (
        select(events).where(events.c.id > webhook.last_event_id).order_by(events.c.id).limit(limit)
    )
    if webhook.owner_id is not None:
        query = query.where(events.c.owner_id == webhook.owner_id)
    if EVERY_TYPE not in webhook.event_types:
        query = query.where(events.c.type.in_(webhook.event_types))
    return list(connection.execute(query))


def _of_event(webhook_id: UUID, event: Row[Any], now: datetime) -> dict[str, Any]:
    body = _body(event.type, event.created_at, str(event.id), event.data)
    return _row(new_id(), webhook_id, event.id, event.type, body, now)


def _body(event_type: str, timestamp: datetime, event_id: str, data: dict[str, Any]) -> str:
    document = {
        "type": event_type, "timestamp": timestamp.isoformat(), "id": event_id, "data": data,
    }  # fmt: skip
    return json.dumps(document)


def _row(
    delivery_id: UUID,
    webhook_id: UUID,
    event_id: int | None,
    event_type: str,
    body: str,
    now: datetime,
) -> dict[str, Any]:
    return {
        "id": delivery_id, "webhook_id": webhook_id, "event_id": event_id,
        "event_type": event_type, "body": body, "status": DeliveryStatus.PENDING, "attempts": 0,
        "due_at": now, "created_at": now,
    }  # fmt: skip


def _delivery(row: Row[Any]) -> Delivery:
    return Delivery(
        id=DeliveryId(row.id),
        webhook_id=WebhookId(row.webhook_id),
        event_id=row.event_id,
        event_type=row.event_type,
        status=DeliveryStatus(row.status),
        attempts=row.attempts,
        due_at=row.due_at,
        answer_status=row.answer_status,
        error=row.error,
        created_at=row.created_at,
        finished_at=row.finished_at,
    )
