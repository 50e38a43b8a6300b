"""API keys as JSON: list, make, remove."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Field, WithJsonSchema
from starlette.responses import Response

from imagesvc.api.accounts.owners import check_is_own, named_user
from imagesvc.api.schemas import Instant
from imagesvc.auth.principals import Principal, Scope
from imagesvc.auth.users import KEY_NAME, check_key_name
from imagesvc.errors import Forbidden, NotFound
from imagesvc.http.bodies.json_bodies import Json
from imagesvc.http.calls import Call, Context
from imagesvc.http.models import Model, Sent
from imagesvc.http.operations import operation, with_subject
from imagesvc.http.pages import Page, PageQuery, cursor_text, page_of, page_response
from imagesvc.http.requests import Id, in_utc, json_response
from imagesvc.library.keys import Keys
from imagesvc.model.accounts import ApiKey
from imagesvc.model.ids import KeyId
from imagesvc.store.accounts import UserStore

TAG = "accounts"
EVERY = "/api/v1/api-keys"


class KeyIn(Sent, title="KeyRequest"):
    """A key to make."""

    name: Annotated[
        str,
        AfterValidator(check_key_name),
        WithJsonSchema({"type": "string", "pattern": f"^{KEY_NAME}$"}),
    ]
    """A name for the key."""
    scopes: list[Scope] = Field(min_length=1, max_length=10)
    expires_at: Annotated[AwareDatetime, AfterValidator(in_utc)] | None = None
    user_id: UUID | None = None
    """The user of the key; the requester when absent. Only admins may name another user."""


class KeyOut(Model, title="Key"):
    """A key, without its secret."""

    id: UUID
    user_id: UUID
    name: str
    scopes: list[str]
    created_at: Instant
    expires_at: Instant | None
    last_used_at: Instant | None
    """Up to a minute late."""


class NewKeyOut(KeyOut, title="NewKey"):
    """A new key."""

    key: str
    """The key itself, which is shown only once."""


class KeyQuery(PageQuery):
    """The user whose keys to list."""

    user: Id | None = None
    """The requester when absent."""


@dataclass(frozen=True, slots=True)
class KeyEndpoints:
    """The operations on API keys; the fields are their dependencies."""

    keys: Keys
    users: UserStore

    async def _own(self, context: Context) -> ApiKey:
        key = await self.keys.store.get(KeyId(context.id("key_id")))
        check_is_own(context.requester, key.user_id)
        return key

    @operation(
        "list_api_keys", "GET", EVERY, tag=TAG, scope=Scope.READ, query=KeyQuery,
        answers={200: page_of(Page[KeyOut])}, errors=(NotFound,),
    )  # fmt: skip
    async def page(self, call: Call[KeyQuery, None]) -> Response:
        """The requester's API keys, or for admins those of any user; the newest first."""
        query = call.query
        user_id = named_user(call.requester, query.user, "user")
        found, last = await self.keys.store.page(user_id, limit=query.limit, after=query.cursor)
        shown = (KeyOut(**_shown(key)) for key in found)
        return page_response(call, Page[KeyOut], shown, cursor_text(last))

    @operation(
        "create_api_key", "POST", EVERY, tag=TAG, scope=Scope.MANAGE, body=Json(KeyIn),
        answers={201: NewKeyOut}, errors=(NotFound, Forbidden),
    )  # fmt: skip
    async def create(self, call: Call[None, KeyIn]) -> Response:
        """Make an API key; only this response shows it.

        The key cannot have a scope that the requester's credential, or the user of the key, lacks.
        """
        wanted = call.body
        user = await self.users.get(named_user(call.requester, wanted.user_id, "user_id"))
        scopes = frozenset(wanted.scopes)
        _check_may_grant(call.requester, scopes)
        key, secret = await self.keys.add(user, wanted.name, scopes, expires_at=wanted.expires_at)
        return json_response(NewKeyOut(**_shown(key), key=str(secret)), 201)

    @operation(
        "delete_api_key", "DELETE", f"{EVERY}/{{key_id}}", tag=TAG, scope=Scope.MANAGE,
        answers={204: None}, errors=(NotFound,),
    )  # fmt: skip
    @with_subject(_own)
    async def remove(self, _call: Call[None, None], key: ApiKey) -> Response:
        """Remove an API key, which stops working immediately."""
        await self.keys.revoke(key.id)
        return Response(status_code=204)


def _check_may_grant(requester: Principal, scopes: frozenset[Scope]) -> None:
    """Check that a requester may make a key with these scopes.

    Raises:
        Forbidden: the requester's credential lacks one of them.
    """
    for scope in Scope:
        if scope in scopes and not (requester.is_admin or scope in requester.scopes):
            raise Forbidden(f"The scope {scope} cannot be granted with this credential.")


def _shown(key: ApiKey) -> dict[str, object]:
    return {
        "id": key.id,
        "user_id": key.user_id,
        "name": key.name,
        "scopes": list(key.scopes),
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "last_used_at": key.last_used_at,
    }
