"""Queries about the deliveries of webhooks: their log, and additions to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType
from uuid import UUID

from sqlalchemy import Connection, Row, delete, func, insert, select, text, update

from imagesvc.errors import NO_SUCH_ID, Conflict, NotFound
from imagesvc.model.ids import new_id
from imagesvc.store.db.database import Database
from imagesvc.store.db.pages import Page, newest, page_of
from imagesvc.store.db.schema.events import webhook_deliveries, webhooks
from imagesvc.store.webhooks.subscriptions import Webhook, WebhookId, no_webhook

DeliveryId = NewType("DeliveryId", UUID)

PRUNED_AT_ONCE = 2000
MAX_WAITING = 1000
"""Deliveries that may wait for one webhook; further events stay events until there is room."""
TEST_TYPE = "webhook.test"


class DeliveryStatus(StrEnum):
    """The status of a delivery."""

    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one webhook, sent until it is acknowledged or fails."""

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


IS_PENDING = text("webhook_deliveries.status = 'pending'")
"""As the partial indexes have it."""
WAITING = (
    select(func.count())
    .select_from(webhook_deliveries)
    .where(webhook_deliveries.c.webhook_id == webhooks.c.id, IS_PENDING)
    .scalar_subquery()
)
"""How many wait for the webhook of the query around it."""


class DeliveryStore:
    """The deliveries of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, webhook_id: WebhookId, *, limit: int, after: UUID | None
    ) -> Page[Delivery]:
        """Deliveries of a webhook, the newest first, older than `after`."""
        deliveries = webhook_deliveries.c
        shown = select(*(column for column in deliveries if column.name != "body"))
        of_webhook = shown.where(deliveries.webhook_id == webhook_id)
        query = newest(of_webhook, deliveries.id, limit=limit, after=after)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return page_of(rows, limit, _delivery)

    async def replay(
        self, webhook_id: WebhookId, delivery_id: DeliveryId, *, now: datetime
    ) -> Delivery:
        """Send a delivery once more, with as many attempts as a new one.

        Raises:
            NotFound: the webhook has no such delivery.
            Conflict: it is disabled, or too many wait for it.
        """
        deliveries = webhook_deliveries.c
        one = (deliveries.id == delivery_id, deliveries.webhook_id == webhook_id)

        def work(connection: Connection) -> Delivery:
            row = connection.execute(select(webhook_deliveries).where(*one)).first()
            if row is None:
                raise NotFound(NO_SUCH_ID)
            _check_may_wait(connection, webhook_id)
            reset = {"status": "pending", "attempts": 0, "due_at": now, "finished_at": None}
            connection.execute(update(webhook_deliveries).where(*one).values(reset))
            return _delivery(connection.execute(select(webhook_deliveries).where(*one)).one())

        return await self._database.write(work)

    async def add_test(self, webhook: Webhook, *, now: datetime) -> Delivery:
        """Have something sent that no event is behind.

        Raises:
            NotFound: the webhook is gone.
            Conflict: it is disabled, or too many wait for it.
        """
        delivery_id = new_id()
        body = message(TEST_TYPE, now, str(delivery_id), {"webhook_id": str(webhook.id)})
        values = pending_row(delivery_id, webhook.id, None, TEST_TYPE, body, now)

        def work(connection: Connection) -> Delivery:
            _check_may_wait(connection, webhook.id)
            connection.execute(insert(webhook_deliveries), [values])
            query = select(webhook_deliveries).where(webhook_deliveries.c.id == delivery_id)
            return _delivery(connection.execute(query).one())

        return await self._database.write(work)

    async def count_waiting(self) -> int:
        """How many deliveries are still to be sent, or sent again."""
        query = select(func.count()).select_from(webhook_deliveries).where(IS_PENDING)
        return await self._database.read(lambda connection: connection.scalar(query) or 0)

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
    query = select(webhooks.c.is_enabled, WAITING.label("waiting"))
    row = connection.execute(query.where(webhooks.c.id == webhook_id)).first()
    if row is None:
        raise no_webhook()
    if not row.is_enabled:
        raise Conflict("The webhook is disabled.")
    if row.waiting >= MAX_WAITING:
        raise Conflict(f"{MAX_WAITING:,} deliveries already wait for this webhook.")


def message(event_type: str, timestamp: datetime, event_id: str, data: dict[str, Any]) -> str:
    """The body that a receiver gets, as Standard Webhooks has it."""
    document = {
        "type": event_type, "timestamp": timestamp.isoformat(), "id": event_id, "data": data,
    }  # fmt: skip
    return json.dumps(document)


def pending_row(
    delivery_id: UUID,
    webhook_id: UUID,
    event_id: int | None,
    event_type: str,
    body: str,
    now: datetime,
) -> dict[str, Any]:
    """The row of a delivery that is due immediately."""
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
