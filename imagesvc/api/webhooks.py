"""Webhooks as JSON: list, make, show, edit, delete, and their deliveries."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import MISSING, AfterValidator, Field
from starlette.responses import Response

from imagesvc.api.schemas import Instant
from imagesvc.auth.permissions import owns
from imagesvc.auth.principals import Scope
from imagesvc.errors import Conflict, NotFound, SourceUnavailable, UnsupportedMediaType
from imagesvc.http.bodies.json_bodies import Json, MergePatch
from imagesvc.http.calls import Call, Context
from imagesvc.http.models import Model, Patch, Sent
from imagesvc.http.operations import LOCATION, Answer, operation, with_subject
from imagesvc.http.pages import Page, PageQuery, cursor_text, page_of, page_response
from imagesvc.http.requests import json_response
from imagesvc.model.ids import new_id, utc_now
from imagesvc.store.events import EventType
from imagesvc.store.webhooks.deliveries import Delivery, DeliveryId, DeliveryStatus, DeliveryStore
from imagesvc.store.webhooks.subscriptions import (
    EVERY_TYPE,
    Webhook,
    WebhookId,
    WebhookStore,
    no_webhook,
)
from imagesvc.webhooks.dispatcher import Dispatcher
from imagesvc.webhooks.signatures import new_secret

TAG = "webhooks"
EVERY = "/api/v1/webhooks"
ONE = f"{EVERY}/{{webhook_id}}"
DELIVERIES = f"{ONE}/deliveries"


def _types(types: list[str]) -> list[str]:
    known = [EVERY_TYPE, *EventType]
    if not types or not set(types) <= set(known):
        raise ValueError(f"must be some of {', '.join(known)}")
    return list(dict.fromkeys(types))


EventTypes = Annotated[list[str], AfterValidator(_types)]


class WebhookIn(Sent, title="WebhookRequest"):
    """A webhook to make."""

    url: str
    event_types: EventTypes = Field([EVERY_TYPE])
    """The types of events to send; The types of events to send; `*` for all."""


class WebhookPatch(Patch):
    """Changes of a webhook; absent members stay unchanged (RFC 7396)."""

    url: str | MISSING = MISSING
    event_types: EventTypes | MISSING = MISSING
    is_enabled: bool | MISSING = MISSING

    def applied_to(self, webhook: Webhook) -> Webhook:
        """The webhook with the changes."""
        given = self.given()
        if "event_types" in given:
            given["event_types"] = tuple(given["event_types"])
        return replace(webhook, **given)


class WebhookOut(Model, title="Webhook"):
    """A webhook; its secret is shown only when it is made."""

    id: UUID
    owner_id: UUID | None
    url: str
    event_types: list[str]
    is_enabled: bool
    failing_since: Instant | None
    """The time since which no delivery was acknowledged."""
    created_at: Instant
    updated_at: Instant


class WebhookWithSecret(WebhookOut, title="WebhookWithSecret"):
    """A webhook with its new secret, which is shown only once."""

    secret: str


class DeliveryOut(Model, title="Delivery"):
    """A delivery to a webhook: one event, or a test."""

    id: UUID
    event_id: str | None
    event_type: str
    status: DeliveryStatus
    attempts: int
    due_at: Instant
    answer_status: int | None
    error: str | None
    created_at: Instant
    finished_at: Instant | None


@dataclass(frozen=True, slots=True)
class WebhookEndpoints:
    """The operations on webhooks; the fields are their dependencies."""

    webhooks: WebhookStore
    deliveries: DeliveryStore
    dispatcher: Dispatcher
    clock: Callable[[], datetime] = utc_now

    async def _own(self, context: Context) -> Webhook:
        webhook = await self.webhooks.get(WebhookId(context.id("webhook_id")))
        if not owns(context.requester, webhook.owner_id):
            raise no_webhook()
        return webhook

    @operation(
        "list_webhooks", "GET", EVERY, tag=TAG, scope=Scope.MANAGE, query=PageQuery,
        answers={200: page_of(Page[WebhookOut])},
    )  # fmt: skip
    async def page(self, call: Call[PageQuery, None]) -> Response:
        """The requester's webhooks, the newest first; for admins, all."""
        query, viewer = call.query, call.requester.viewer
        found, last = await self.webhooks.page(viewer, limit=query.limit, after=query.cursor)
        return page_response(call, Page[WebhookOut], map(_out, found), cursor_text(last))

    @operation(
        "create_webhook", "POST", EVERY, tag=TAG, scope=Scope.MANAGE, body=Json(WebhookIn),
        answers={201: Answer(WebhookWithSecret, LOCATION)},
        errors=(Conflict, SourceUnavailable, UnsupportedMediaType),
    )  # fmt: skip
    async def create(self, call: Call[None, WebhookIn]) -> Response:
        """Make a webhook, which gets the events from now on; its secret is shown once."""
        owner_id = call.requester.user_id
        await self.dispatcher.check(call.body.url, owner_id)
        now = self.clock()
        webhook = Webhook(
            id=WebhookId(new_id()),
            owner_id=owner_id,
            url=call.body.url,
            secret=new_secret(),
            event_types=tuple(call.body.event_types),
            is_enabled=True,
            created_at=now,
            updated_at=now,
        )
        await self.webhooks.add(webhook)
        location = {"location": f"{call.absolute_base}{EVERY}/{webhook.id}"}
        return json_response(_with_secret(webhook), 201, location)

    @operation(
        "get_webhook", "GET", ONE, tag=TAG, scope=Scope.MANAGE,
        answers={200: WebhookOut}, errors=(NotFound,),
    )  # fmt: skip
    @with_subject(_own)
    async def show(self, _call: Call[None, None], webhook: Webhook) -> Response:
        """One webhook, without its secret."""
        return json_response(_out(webhook))

    @operation(
        "edit_webhook", "PATCH", ONE, tag=TAG, scope=Scope.MANAGE, body=MergePatch(WebhookPatch),
        answers={200: WebhookOut}, errors=(NotFound, SourceUnavailable, UnsupportedMediaType),
    )  # fmt: skip
    @with_subject(_own)
    async def edit(self, call: Call[None, WebhookPatch], webhook: Webhook) -> Response:
        """Change URL or types, disable or enable; events during a disabled time are not sent."""
        patch = call.body
        if patch.url is not MISSING:
            await self.dispatcher.check(patch.url, webhook.owner_id)
        changed = await self.webhooks.edit(webhook.id, patch.applied_to, now=self.clock())
        return json_response(_out(changed))

    @operation(
        "delete_webhook", "DELETE", ONE, tag=TAG, scope=Scope.MANAGE,
        answers={204: None}, errors=(NotFound,),
    )  # fmt: skip
    @with_subject(_own)
    async def delete(self, _call: Call[None, None], webhook: Webhook) -> Response:
        """Delete a webhook with its pending deliveries."""
        await self.webhooks.remove(webhook.id)
        return Response(status_code=204)

    @operation(
        "renew_webhook_secret", "POST", f"{ONE}/secret", tag=TAG, scope=Scope.MANAGE,
        answers={200: WebhookWithSecret}, errors=(NotFound,),
    )  # fmt: skip
    @with_subject(_own)
    async def renew_secret(self, _call: Call[None, None], webhook: Webhook) -> Response:
        """Sign with a new secret from now on, which is shown once."""
        renewed = await self.webhooks.renew_secret(webhook.id, new_secret(), now=self.clock())
        return json_response(_with_secret(renewed))

    @operation(
        "list_webhook_deliveries", "GET", DELIVERIES, tag=TAG, scope=Scope.MANAGE,
        query=PageQuery, answers={200: page_of(Page[DeliveryOut])}, errors=(NotFound,),
    )  # fmt: skip
    @with_subject(_own)
    async def page_deliveries(self, call: Call[PageQuery, None], webhook: Webhook) -> Response:
        """The sent and pending deliveries of a webhook, the newest first."""
        query = call.query
        found, last = await self.deliveries.page(webhook.id, limit=query.limit, after=query.cursor)
        return page_response(call, Page[DeliveryOut], map(_delivery, found), cursor_text(last))

    @operation(
        "replay_webhook_delivery", "POST", f"{DELIVERIES}/{{delivery_id}}/replay", tag=TAG,
        scope=Scope.MANAGE, answers={202: DeliveryOut}, errors=(NotFound, Conflict),
    )  # fmt: skip
    @with_subject(_own)
    async def replay(self, call: Call[None, None], webhook: Webhook) -> Response:
        """Send a delivery once more, with the same id."""
        delivery_id = DeliveryId(call.id("delivery_id"))
        delivery = await self.deliveries.replay(webhook.id, delivery_id, now=self.clock())
        return json_response(_delivery(delivery), 202)

    @operation(
        "test_webhook", "POST", f"{ONE}/test", tag=TAG, scope=Scope.MANAGE,
        answers={202: DeliveryOut}, errors=(NotFound, Conflict),
    )  # fmt: skip
    @with_subject(_own)
    async def test(self, _call: Call[None, None], webhook: Webhook) -> Response:
        """Send a `webhook.test`, which belongs to no event."""
        delivery = await self.deliveries.add_test(webhook, now=self.clock())
        return json_response(_delivery(delivery), 202)


def _values(webhook: Webhook) -> dict[str, object]:
    return {name: getattr(webhook, name) for name in WebhookOut.model_fields} | {
        "event_types": list(webhook.event_types)
    }


def _out(webhook: Webhook) -> WebhookOut:
    return WebhookOut.model_validate(_values(webhook))


def _with_secret(webhook: Webhook) -> WebhookWithSecret:
    return WebhookWithSecret.model_validate(_values(webhook) | {"secret": webhook.secret})


def _delivery(delivery: Delivery) -> DeliveryOut:
    values = {name: getattr(delivery, name) for name in DeliveryOut.model_fields}
    event_id = None if delivery.event_id is None else str(delivery.event_id)
    return DeliveryOut.model_validate(values | {"event_id": event_id})
