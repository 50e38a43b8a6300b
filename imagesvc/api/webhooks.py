"""Webhooks as JSON: list, make, show, edit, delete; what they were sent, and sending it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from imagesvc.api.schemas import Instant
from imagesvc.auth.authenticator import principal_of
from imagesvc.auth.permissions import owns
from imagesvc.auth.principals import Scope
from imagesvc.errors import Conflict, NotFound, SourceUnavailable, UnsupportedMediaType
from imagesvc.http.bodies.json_bodies import sent_json, sent_patch
from imagesvc.http.operations import Operation
from imagesvc.http.pages import Page, PageQuery, cursor_text, page_response
from imagesvc.http.requests import (
    absolute_base_of,
    json_response,
    only_known,
    parsed_query,
)
from imagesvc.model import new_id, parse_id, utc_now
from imagesvc.store.events import EventType
from imagesvc.store.webhooks.deliveries import Delivery, DeliveryId, DeliveryStatus, DeliveryStore
from imagesvc.store.webhooks.subscriptions import (
    EVERY_TYPE,
    Webhook,
    WebhookId,
    WebhookStore,
    no_webhook,
)
from imagesvc.webhooks.dispatcher import Dispatcher, new_secret

TAG = "webhooks"
EVERY = "/api/v1/webhooks"
ONE = f"{EVERY}/{{webhook_id}}"


def _types(types: list[str]) -> list[str]:
    known = [EVERY_TYPE, *EventType]
    if not types or not set(types) <= set(known):
        raise ValueError(f"must be some of {', '.join(known)}")
    return list(dict.fromkeys(types))


EventTypes = Annotated[list[str], AfterValidator(_types)]


class WebhookIn(BaseModel):
    """A webhook to make."""

    model_config = ConfigDict(extra="forbid", strict=True)

    url: str
    event_types: EventTypes = Field([EVERY_TYPE])
    """`*` for all."""


class WebhookPatch(BaseModel):
    """What to change of a webhook; what is absent stays (RFC 7396)."""

    model_config = ConfigDict(extra="forbid", strict=True)

    url: str = ""
    event_types: EventTypes = Field([EVERY_TYPE])
    is_enabled: bool = True

    def applied_to(self, webhook: Webhook) -> Webhook:
        """The webhook as it is to be."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if "event_types" in given:
            given["event_types"] = tuple(given["event_types"])
        return replace(webhook, **given)


class WebhookOut(BaseModel):
    """A webhook; its secret is shown when it is made, and never again."""

    id: UUID
    owner_id: UUID | None
    url: str
    event_types: list[str]
    is_enabled: bool
    failing_since: Instant | None
    """Since when nothing was taken, though something was sent."""
    created_at: Instant
    updated_at: Instant


class WebhookWithSecret(WebhookOut):
    """A webhook with its new secret, which is shown this once."""

    secret: str


class DeliveryOut(BaseModel):
    """What a webhook is sent: one event, or a test without one."""

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
    """The operations on webhooks; the fields are everything they may touch."""

    webhooks: WebhookStore
    deliveries: DeliveryStore
    dispatcher: Dispatcher
    clock: Callable[[], datetime] = utc_now

    def operations(self) -> list[Operation]:
        """The operations this module serves; `app.py` concatenates them."""
        manage, sent = Scope.MANAGE, f"{ONE}/deliveries"
        checked = (SourceUnavailable, UnsupportedMediaType)
        return [
            Operation(
                "list_webhooks", "GET", EVERY, self.page, {200: Page[WebhookOut]}, TAG,
                scope=manage, query=PageQuery,
            ),
            Operation(
                "create_webhook", "POST", EVERY, self.create, {201: WebhookWithSecret}, TAG,
                scope=manage, bodies=(WebhookIn,), errors=(Conflict, *checked),
            ),
            Operation(
                "get_webhook", "GET", ONE, self.show, {200: WebhookOut}, TAG,
                scope=manage, errors=(NotFound,),
            ),
            Operation(
                "edit_webhook", "PATCH", ONE, self.edit, {200: WebhookOut}, TAG,
                scope=manage, bodies=(WebhookPatch,), errors=(NotFound, *checked),
            ),
            Operation(
                "delete_webhook", "DELETE", ONE, self.delete, {204: None}, TAG,
                scope=manage, errors=(NotFound,),
            ),
            Operation(
                "renew_webhook_secret", "POST", f"{ONE}/secret", self.renew_secret,
                {200: WebhookWithSecret}, TAG, scope=manage, errors=(NotFound,),
            ),
            Operation(
                "list_webhook_deliveries", "GET", sent, self.page_deliveries,
                {200: Page[DeliveryOut]}, TAG, scope=manage, query=PageQuery, errors=(NotFound,),
            ),
            Operation(
                "replay_webhook_delivery", "POST", f"{sent}/{{delivery_id}}/replay", self.replay,
                {202: DeliveryOut}, TAG, scope=manage, errors=(NotFound, Conflict),
            ),
            Operation(
                "test_webhook", "POST", f"{ONE}/test", self.test, {202: DeliveryOut}, TAG,
                scope=manage, errors=(NotFound, Conflict),
            ),
        ]  # fmt: skip

    async def page(self, request: Request) -> Response:
        """One's own webhooks, the newest first; for admins, all."""
        query = parsed_query(PageQuery, request)
        audience = principal_of(request).audience
        found, last = await self.webhooks.page(audience, limit=query.limit, after=query.cursor)
        return page_response(request, Page[WebhookOut], map(_out, found), cursor_text(last))

    async def create(self, request: Request) -> Response:
        """Make a webhook, which is told what happens from now on; its secret is shown once."""
        only_known(request, set())
        given = await sent_json(request, WebhookIn)
        await self.dispatcher.check(given.url, principal_of(request).user_id)
        now = self.clock()
        webhook = Webhook(
            id=WebhookId(new_id()),
            owner_id=principal_of(request).user_id,
            url=given.url,
            secret=new_secret(),
            event_types=tuple(given.event_types),
            is_enabled=True,
            created_at=now,
            updated_at=now,
        )
        await self.webhooks.add(webhook)
        location = {"location": f"{absolute_base_of(request)}{EVERY}/{webhook.id}"}
        return json_response(_with_secret(webhook), 201, location)

    async def show(self, request: Request) -> Response:
        """One webhook, without its secret."""
        only_known(request, set())
        return json_response(_out(await self._named(request)))

    async def edit(self, request: Request) -> Response:
        """Change URL or types, disable or enable; what happened while disabled is not sent."""
        only_known(request, set())
        webhook = await self._named(request)
        patch = await sent_patch(request, WebhookPatch)
        if "url" in patch.model_fields_set:
            await self.dispatcher.check(patch.url, webhook.owner_id)
        changed = await self.webhooks.edit(webhook.id, patch.applied_to, now=self.clock())
        return json_response(_out(changed))

    async def delete(self, request: Request) -> Response:
        """Delete a webhook with all that it has not been sent."""
        only_known(request, set())
        await self.webhooks.remove((await self._named(request)).id)
        return Response(status_code=204)

    async def renew_secret(self, request: Request) -> Response:
        """Sign with a new secret from now on, which is shown once."""
        only_known(request, set())
        webhook = await self._named(request)
        renewed = await self.webhooks.renew_secret(webhook.id, new_secret(), now=self.clock())
        return json_response(_with_secret(renewed))

    async def page_deliveries(self, request: Request) -> Response:
        """What a webhook was sent and is to be sent, the newest first."""
        query = parsed_query(PageQuery, request)
        webhook = await self._named(request)
        found, last = await self.deliveries.page(webhook.id, limit=query.limit, after=query.cursor)
        return page_response(request, Page[DeliveryOut], map(_delivery, found), cursor_text(last))

    async def replay(self, request: Request) -> Response:
        """Send a delivery once more, under its old id."""
        only_known(request, set())
        webhook = await self._named(request)
        delivery_id = DeliveryId(parse_id(request.path_params["delivery_id"]))
        delivery = await self.deliveries.replay(webhook.id, delivery_id, now=self.clock())
        return json_response(_delivery(delivery), 202)

    async def test(self, request: Request) -> Response:
        """Send a `webhook.test`, which no event is behind."""
        only_known(request, set())
        webhook = await self._named(request)
        return json_response(
            _delivery(await self.deliveries.add_test(webhook, now=self.clock())), 202
        )

    async def _named(self, request: Request) -> Webhook:
        """The asker's webhook that the path names.

        Raises:
            NotFound: for this asker there is none.
        """
        webhook = await self.webhooks.get(WebhookId(parse_id(request.path_params["webhook_id"])))
        if not owns(principal_of(request), webhook.owner_id):
            raise no_webhook()
        return webhook


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
