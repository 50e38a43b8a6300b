"""Queries about webhooks: who gets which events."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NewType
from uuid import UUID

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from imagesvc.errors import NO_SUCH_ID, Conflict, NotFound
from imagesvc.model.ids import UserId
from imagesvc.model.images import Viewer
from imagesvc.store.db.database import Database
from imagesvc.store.db.pages import Page, newest, page_of
from imagesvc.store.db.schema.events import events, webhook_deliveries, webhooks

WebhookId = NewType("WebhookId", UUID)

MAX_WEBHOOKS = 20
"""Of one owner: each event is stored once for each."""
EVERY_TYPE = "*"
EDITABLE = ("url", "event_types", "is_enabled", "failing_since")


@dataclass(frozen=True, slots=True)
class Webhook:
    """A URL that events are sent to; without an owner it gets everybody's."""

    id: WebhookId
    owner_id: UserId | None
    url: str
    secret: str
    """`whsec_` and the key of the signatures in base64."""
    event_types: tuple[str, ...]
    """The types of events to send; The types of events to send; `*` for all."""
    is_enabled: bool
    created_at: datetime
    updated_at: datetime
    failing_since: datetime | None = None
    """The time since which every attempt has failed; None after an acknowledged one."""


class WebhookStore:
    """The webhooks of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, webhook: Webhook) -> None:
        """Insert a webhook, which gets events from now on.

        Raises:
            Conflict: its owner has as many as there may be.
        """
        columns = (column.name for column in webhooks.c if column.name != "last_event_id")
        values = {name: getattr(webhook, name) for name in columns}

        def work(connection: Connection) -> None:
            count = select(func.count()).where(webhooks.c.owner_id == webhook.owner_id)
            if (connection.scalar(count) or 0) >= MAX_WEBHOOKS:
                raise Conflict(f"There may be {MAX_WEBHOOKS} webhooks; delete one.")
            newest = newest_event(connection)
            connection.execute(insert(webhooks), [{**values, "last_event_id": newest}])

        await self._database.write(work)

    async def get(self, webhook_id: WebhookId) -> Webhook:
        """The webhook with this id.

        Raises:
            NotFound: there is none.
        """
        return await self._database.read(lambda connection: _get(connection, webhook_id))

    async def page(self, viewer: Viewer, *, limit: int, after: UUID | None) -> Page[Webhook]:
        """Webhooks, the newest first, older than `after`."""
        seen = select(webhooks)
        if not viewer.sees_all:
            seen = seen.where(webhooks.c.owner_id == viewer.owner_id)
        query = newest(seen, webhooks.c.id, limit=limit, after=after)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return page_of(rows, limit, _webhook)

    async def edit(
        self, webhook_id: WebhookId, change: Callable[[Webhook], Webhook], *, now: datetime
    ) -> Webhook:
        """Change the editable fields, in one transaction; `change` depends on nothing else.

        A disabled webhook drops its pending deliveries; an enabled one gets later events. Both this
        and another URL reset the failures of a webhook.

        Raises:
            NotFound: there is no such webhook.
        """

        def work(connection: Connection) -> Webhook:
            current = _get(connection, webhook_id)
            changed = change(current)
            if changed == current:
                return current
            is_back = changed.is_enabled and not current.is_enabled
            is_anew = is_back or changed.url != current.url
            since = None if is_anew else current.failing_since
            changed = replace(changed, updated_at=now, failing_since=since)
            values = {name: getattr(changed, name) for name in (*EDITABLE, "updated_at")}
            if is_back:
                values["last_event_id"] = newest_event(connection)
            connection.execute(update(webhooks).where(webhooks.c.id == webhook_id).values(values))
            if not changed.is_enabled:
                give_up(connection, webhook_id, now)
            return changed

        return await self._database.write(work)

    async def renew_secret(self, webhook_id: WebhookId, secret: str, *, now: datetime) -> Webhook:
        """Sign with another secret from now on.

        Raises:
            NotFound: there is no such webhook.
        """

        def work(connection: Connection) -> Webhook:
            connection.execute(
                update(webhooks)
                .where(webhooks.c.id == webhook_id)
                .values(secret=secret, updated_at=now)
            )
            return _get(connection, webhook_id)

        return await self._database.write(work)

    async def remove(self, webhook_id: WebhookId) -> None:
        """Delete a webhook with its deliveries.

        Raises:
            NotFound: there is no such webhook.
        """
        query = delete(webhooks).where(webhooks.c.id == webhook_id)
        if not await self._database.write(
            lambda connection: connection.execute(query).rowcount, may_use_reserve=True
        ):
            raise no_webhook()


def newest_event(connection: Connection) -> int:
    """The id of the newest event; 0 if there is none."""
    return connection.scalar(select(func.max(events.c.id))) or 0


def give_up(connection: Connection, webhook_id: UUID, now: datetime) -> None:
    """Fail the pending deliveries of a webhook, within the transaction that disables it."""
    deliveries = webhook_deliveries.c
    connection.execute(
        update(webhook_deliveries)
        .where(deliveries.webhook_id == webhook_id, deliveries.status == "pending")
        .values(status="failed", error="The webhook was disabled.", finished_at=now)
    )


def no_webhook() -> NotFound:
    """The error of an id that names no webhook."""
    return NotFound(NO_SUCH_ID)


def _get(connection: Connection, webhook_id: WebhookId) -> Webhook:
    row = connection.execute(select(webhooks).where(webhooks.c.id == webhook_id)).first()
    if row is None:
        raise no_webhook()
    return _webhook(row)


def _webhook(row: Row[Any]) -> Webhook:
    return Webhook(
        id=WebhookId(row.id),
        owner_id=None if row.owner_id is None else UserId(row.owner_id),
        url=row.url,
        secret=row.secret,
        event_types=tuple(row.event_types),
        is_enabled=row.is_enabled,
        failing_since=row.failing_since,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
