"""The outbox of webhooks: events become deliveries, these become due, and results are settled."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, func, insert, or_, select, tuple_, update

from imagesvc.model.ids import UserId, new_id
from imagesvc.store.db.database import Database
from imagesvc.store.db.schema.accounts import users
from imagesvc.store.db.schema.events import events, webhook_deliveries, webhooks
from imagesvc.store.events import rebased
from imagesvc.store.webhooks.deliveries import (
    IS_PENDING,
    MAX_WAITING,
    WAITING,
    DeliveryId,
    DeliveryStatus,
    message,
    pending_row,
)
from imagesvc.store.webhooks.subscriptions import EVERY_TYPE, WebhookId, give_up, newest_event

WEBHOOKS_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that is to be sent now, and all that sending needs."""

    id: DeliveryId
    webhook_id: WebhookId
    owner_id: UserId | None
    """Of the webhook."""
    attempts: int
    """Before this one."""
    due_at: datetime
    url: str
    secret: str
    body: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an attempt."""

    status: DeliveryStatus
    answer_status: int | None = None
    error: str | None = None
    due_at: datetime | None = None
    """When to try again, where it is still pending."""
    is_gone: bool = False
    """Whether the receiver wants nothing any more."""


_BEHIND = (
    select(webhooks, users.c.is_disabled, WAITING.label("waiting"))
    .outerjoin(users, users.c.id == webhooks.c.owner_id)
    .where(
        webhooks.c.is_enabled,
        webhooks.c.last_event_id < select(func.max(events.c.id)).scalar_subquery(),
        WAITING < MAX_WAITING,
    )
    .order_by(webhooks.c.last_event_id)
    .limit(WEBHOOKS_AT_ONCE)
)
_MAY_BE_SENT = webhook_deliveries.join(
    webhooks, webhooks.c.id == webhook_deliveries.c.webhook_id
).outerjoin(users, users.c.id == webhooks.c.owner_id)
_PENDING = (
    IS_PENDING,
    webhooks.c.is_enabled,
    func.coalesce(users.c.is_disabled, False).is_(False),
)


class Outbox:
    """The pending events and deliveries of webhooks.

    Args:
        database: which one.
        base: what URLs in messages begin with.
    """

    def __init__(self, database: Database, base: str = "") -> None:
        self._database = database
        self._base = base

    async def fan_out(self, limit: int, *, now: datetime) -> bool:
        """Make deliveries of new events, up to `limit` for a webhook.

        Returns whether there were any. A webhook with `MAX_WAITING` waiting deliveries gets none.
        The deliveries and the position of each webhook are one transaction, so that a crash neither
        loses nor repeats an event.
        """
        if not await self._database.read(lambda connection: connection.execute(_BEHIND).all()):
            return False

        def work(connection: Connection) -> None:
            newest = newest_event(connection)
            for row in connection.execute(_BEHIND).all():
                most = min(limit, MAX_WAITING - row.waiting)
                found = [] if row.is_disabled else _new_events(connection, row, most)
                last = found[-1].id if len(found) == most else newest
                if found:
                    values = [_of_event(row.id, event, now, self._base) for event in found]
                    connection.execute(insert(webhook_deliveries), values)
                connection.execute(
                    update(webhooks).where(webhooks.c.id == row.id).values(last_event_id=last)
                )

        await self._database.write(work)
        return True

    async def due(
        self,
        now: datetime,
        limit: int,
        *,
        but: Collection[UUID] = (),
        busy: Collection[UUID] = (),
        busy_owners: Collection[UUID] = (),
    ) -> list[Due]:
        """Deliveries to send now, the longest due first, and of those the oldest event.

        None of `but`, none for the webhooks of `busy`, and none for those of `busy_owners`.
        """
        deliveries = webhook_deliveries.c
        query = (
            select(
                deliveries.id, deliveries.webhook_id, deliveries.attempts, deliveries.due_at,
                deliveries.body, webhooks.c.url, webhooks.c.secret, webhooks.c.owner_id,
            )
            .select_from(_MAY_BE_SENT)
            .where(
                *_PENDING,
                deliveries.due_at <= now,
                deliveries.id.not_in(but),
                deliveries.webhook_id.not_in(busy),
                or_(webhooks.c.owner_id.is_(None), webhooks.c.owner_id.not_in(busy_owners)),
            )
            .order_by(deliveries.due_at, deliveries.event_id)
            .limit(limit)
        )  # fmt: skip
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [Due(**row._asdict()) for row in rows]

    async def claim(self, found: Collection[Due], *, until: datetime) -> list[Due]:
        """Those of some due deliveries that no other node has taken; none takes them `until` then.

        They are due again at that time, if they have not been settled.
        """
        deliveries = webhook_deliveries.c
        due_at = {due.id: due.due_at for due in found}
        free = (
            select(deliveries.id)
            .where(tuple_(deliveries.id, deliveries.due_at).in_(due_at.items()), IS_PENDING)
            .with_for_update(skip_locked=True)
        )
        taken = (
            update(webhook_deliveries)
            .where(deliveries.id.in_(free))
            .values(due_at=until)
            .returning(deliveries.id)
        )
        if not due_at:
            return []
        ids = await self._database.write(lambda connection: set(connection.scalars(taken)))
        return [replace(due, due_at=until) for due in found if due.id in ids]

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
        """Record the result of an attempt; returns whether its webhook was disabled.

        It is disabled when its receiver is gone, or when a delivery fails permanently after
        `patience` of failures only. For a delivery that is no longer pending, or was replayed
        meanwhile, nothing is recorded.
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
                .where(deliveries.id == due.id, IS_PENDING, deliveries.due_at == due.due_at)
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


def _new_events(connection: Connection, webhook: Row[Any], limit: int) -> list[Row[Any]]:
    query = (
        select(events).where(events.c.id > webhook.last_event_id).order_by(events.c.id).limit(limit)
    )
    if webhook.owner_id is not None:
        query = query.where(events.c.owner_id == webhook.owner_id)
    if EVERY_TYPE not in webhook.event_types:
        query = query.where(events.c.type.in_(webhook.event_types))
    return list(connection.execute(query))


def _of_event(webhook_id: UUID, event: Row[Any], now: datetime, base: str) -> dict[str, Any]:
    data = rebased(event.data, base)
    body = message(event.type, event.created_at, str(event.id), data)
    return pending_row(new_id(), webhook_id, event.id, event.type, body, now)
