"""API keys as JSON: list, make, remove."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, WithJsonSchema
from starlette.requests import Request
from starlette.responses import Response

from imagesvc.api.schemas import Instant
from imagesvc.auth.authenticator import principal_of
from imagesvc.auth.principals import Principal, Scope, scopes_of_user
from imagesvc.auth.users import KEY_NAME, check_key_name, made_key
from imagesvc.errors import NO_SUCH_ID, Forbidden, NotFound
from imagesvc.http.bodies.json_bodies import sent_json
from imagesvc.http.operations import Operation
from imagesvc.http.pages import Page, PageQuery, cursor_text, page_response
from imagesvc.http.requests import Id, invalid, json_response, only_known, parsed_query
from imagesvc.model import ApiKey, KeyId, UserId, parse_id, utc_now
from imagesvc.store.accounts import UserStore
from imagesvc.store.credentials import KeyStore

TAG = "accounts"


def _in_utc(instant: datetime) -> datetime:
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("must lie in a year from 1 to 9999 in UTC") from error


class KeyIn(BaseModel):
    """A key to make."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Annotated[
        str,
        AfterValidator(check_key_name),
        WithJsonSchema({"type": "string", "pattern": f"^{KEY_NAME}$"}),
    ]
    """What it is for, in your words."""
    scopes: list[Scope] = Field(min_length=1, max_length=10)
    expires_at: Annotated[AwareDatetime, AfterValidator(_in_utc)] | None = None
    user_id: UUID | None = None
    """Whom it stands for; oneself, when not given. Others than oneself are an admin's to name."""


class KeyOut(BaseModel):
    """A key, without its secret."""

    id: UUID
    user_id: UUID
    name: str
    scopes: list[str]
    created_at: Instant
    expires_at: Instant | None
    last_used_at: Instant | None
    """Up to a minute late."""


class NewKeyOut(KeyOut):
    """A key that was just made."""

    key: str
    """The key itself, which is shown this once."""


class KeyQuery(PageQuery):
    """Whose keys to list."""

    user: Id | None = None
    """Oneself, when not given."""


@dataclass(frozen=True, slots=True)
class KeyEndpoints:
    """The operations on API keys; the fields are everything they may touch."""

    keys: KeyStore
    users: UserStore
    clock: Callable[[], datetime] = utc_now

    def operations(self) -> list[Operation]:
        """The operations this module serves; `app.py` concatenates them."""
        path = "/api/v1/api-keys"
        return [
            Operation(
                "list_api_keys", "GET", path, self.page, {200: Page[KeyOut]}, TAG,
                scope=Scope.READ, query=KeyQuery, errors=(NotFound,),
            ),
            Operation(
                "create_api_key", "POST", path, self.create, {201: NewKeyOut}, TAG,
                scope=Scope.MANAGE, bodies=(KeyIn,), errors=(NotFound, Forbidden),
            ),
            Operation(
                "delete_api_key", "DELETE", f"{path}/{{key_id}}", self.remove, {204: None}, TAG,
                scope=Scope.MANAGE, errors=(NotFound,),
            ),
        ]  # fmt: skip

    async def page(self, request: Request) -> Response:
        """API keys of oneself, or for admins of any user; the newest first."""
        query = parsed_query(KeyQuery, request)
        user_id = _whose(principal_of(request), query.user, "user")
        found, last = await self.keys.page(user_id, limit=query.limit, after=query.cursor)
        shown = (KeyOut(**_shown(key)) for key in found)
        return page_response(request, Page[KeyOut], shown, cursor_text(last))

    async def create(self, request: Request) -> Response:
        """Make an API key; the answer alone shows it.

        Nobody can grant a scope that their own credential, or the user of the key, lacks.
        """
        only_known(request, set())
        asker = principal_of(request)
        wanted = await sent_json(request, KeyIn)
        user_id = _whose(asker, wanted.user_id, "user_id")
        user = await self.users.get(user_id)
        scopes = frozenset(wanted.scopes)
        for scope in Scope:
            if scope in scopes and not (asker.is_admin or scope in asker.scopes):
                raise Forbidden(f"The scope {scope} cannot be granted with this credential.")
            if scope in scopes and scope not in scopes_of_user(user):
                raise Forbidden(f"The user {user.name} cannot have the scope {scope}.")
        key, secret = made_key(
            user.id, wanted.name, scopes, now=self.clock(), expires_at=wanted.expires_at
        )
        await self.keys.add(key)
        return json_response(NewKeyOut(**_shown(key), key=str(secret)), 201)

    async def remove(self, request: Request) -> Response:
        """Remove an API key, which stops at once."""
        only_known(request, set())
        key = await self.keys.get(KeyId(parse_id(request.path_params["key_id"])))
        asker = principal_of(request)
        if not asker.is_admin and key.user_id != asker.user_id:
            raise NotFound(NO_SUCH_ID)
        await self.keys.remove(key.id)
        return Response(status_code=204)


def _whose(asker: Principal, named: UUID | None, loc: str) -> UserId:
    """The user that is meant.

    Raises:
        NotFound: it is another than the asker, who is no admin.
        InvalidRequest: there are no accounts, and so nobody that goes without saying.
    """
    if named is None:
        if asker.user_id is None:
            raise invalid(loc, "is needed, since there is nobody who asks")
        return asker.user_id
    if not asker.is_admin and named != asker.user_id:
        raise NotFound(NO_SUCH_ID)
    return UserId(named)


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
