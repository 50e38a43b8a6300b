"""Users as JSON: list, make, show, change, remove; and who is asking."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from starlette.requests import Request
from starlette.responses import Response

from imagesvc.api.schemas import Instant
from imagesvc.auth.authenticator import principal_of
from imagesvc.auth.limits import RateLimits
from imagesvc.auth.passwords import Passwords
from imagesvc.auth.principals import Scope
from imagesvc.auth.users import (
    MAX_PASSWORD,
    MIN_PASSWORD,
    USER_NAME,
    check_name,
    check_password,
    made_user,
)
from imagesvc.errors import NO_SUCH_ID, Conflict, Forbidden, NotFound
from imagesvc.http.bodies.json_bodies import sent_json, sent_patch
from imagesvc.http.operations import Operation
from imagesvc.http.pages import Page, PageQuery, cursor_text, page_response
from imagesvc.http.requests import (
    Id,
    Query,
    absolute_base_of,
    invalid,
    json_response,
    only_known,
    parsed_query,
)
from imagesvc.model import Usage as Kept
from imagesvc.model import User, UserId, parse_id, utc_now
from imagesvc.store.accounts import UserChange, UserStore

TAG = "accounts"
CHANGED_BY_ADMINS = {"name", "is_admin", "is_disabled", "quota_images", "quota_bytes"}

Name = Annotated[
    str,
    AfterValidator(check_name),
    WithJsonSchema({"type": "string", "pattern": f"^{USER_NAME}$"}),
]
Password = Annotated[
    str,
    AfterValidator(check_password),
    WithJsonSchema({"type": "string", "minLength": MIN_PASSWORD, "maxLength": MAX_PASSWORD}),
]


class UserIn(BaseModel):
    """A user to make; without a password it has keys alone."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Name
    password: Password | None = None
    is_admin: bool = False


class UserPatch(BaseModel):
    """What to change of a user; what is absent stays (RFC 7396)."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: Name = ""
    password: Password = ""
    old_password: str = Field("", max_length=1024)
    """Needed to change one's own password."""
    is_admin: bool = False
    is_disabled: bool = False
    quota_images: int | None = Field(None, ge=0, lt=2**53)
    """Instead of those in the settings, for this user; null leaves it to them again."""
    quota_bytes: int | None = Field(None, ge=0, lt=2**53)


class UserOut(BaseModel):
    """A user."""

    id: UUID
    name: str
    is_admin: bool
    is_disabled: bool
    has_password: bool
    image_count: int
    image_bytes: int
    quota_images: int | None
    """None where the settings decide."""
    quota_bytes: int | None
    created_at: Instant

    @classmethod
    def of(cls, user: User) -> UserOut:
        """What the API tells about a user."""
        return cls(
            id=user.id,
            name=user.name,
            is_admin=user.is_admin,
            is_disabled=user.is_disabled,
            has_password=user.password_hash is not None,
            image_count=user.image_count,
            image_bytes=user.image_bytes,
            quota_images=user.quota_images,
            quota_bytes=user.quota_bytes,
            created_at=user.created_at,
        )


class Usage(BaseModel):
    """What someone keeps here, and may keep; null for any number."""

    image_count: int
    image_bytes: int
    quota_images: int | None
    quota_bytes: int | None


class MeOut(BaseModel):
    """Who is asking; without accounts it is anybody, who has no id."""

    id: UUID | None
    name: str
    scopes: list[Scope]
    """What the credential of this request is good for."""
    usage: Usage | None


def _heir(text: object) -> object:
    if text == "nobody":
        return None
    try:
        return parse_id(str(text))
    except NotFound as error:
        raise ValueError("must be the id of a user, or nobody") from error


class UserRemoval(Query):
    """Whose the images of a removed user become."""

    images_to: Annotated[Id | None, BeforeValidator(_heir)] = None
    """The id of a user, or `nobody`: then they are an admin's to change."""


@dataclass(frozen=True, slots=True)
class UserEndpoints:
    """The operations on users; the fields are everything they may touch."""

    users: UserStore
    passwords: Passwords
    limits: RateLimits
    on_handed_over: Callable[[], None]
    """Called when images have other owners than before."""
    usage_of: Callable[[UserId], Awaitable[Kept]]
    clock: Callable[[], datetime] = utc_now

    def operations(self) -> list[Operation]:
        """The operations this module serves; `app.py` concatenates them."""
        every, one = "/api/v1/users", "/api/v1/users/{user_id}"
        return [
            Operation(
                "get_me", "GET", "/api/v1/users/me", self.me, {200: MeOut}, TAG, scope=Scope.READ
            ),
            Operation(
                "list_users", "GET", every, self.page, {200: Page[UserOut]}, TAG,
                scope=Scope.ADMIN, query=PageQuery,
            ),
            Operation(
                "create_user", "POST", every, self.create, {201: UserOut}, TAG,
                scope=Scope.ADMIN, bodies=(UserIn,), errors=(Conflict,),
            ),
            Operation(
                "get_user", "GET", one, self.show, {200: UserOut}, TAG,
                scope=Scope.READ, errors=(NotFound,),
            ),
            Operation(
                "update_user", "PATCH", one, self.change, {200: UserOut}, TAG,
                scope=Scope.MANAGE, bodies=(UserPatch,), errors=(NotFound, Forbidden, Conflict),
            ),
            Operation(
                "delete_user", "DELETE", one, self.remove, {204: None}, TAG,
                scope=Scope.ADMIN, query=UserRemoval, errors=(NotFound, Conflict),
            ),
        ]  # fmt: skip

    async def me(self, request: Request) -> Response:
        """Who is asking, with which scopes, and what they keep here."""
        only_known(request, set())
        asker = principal_of(request)
        usage = None
        if asker.user_id is not None:
            kept = await self.usage_of(asker.user_id)
            usage = Usage(
                image_count=kept.images,
                image_bytes=kept.bytes,
                quota_images=kept.quota.images,
                quota_bytes=kept.quota.bytes,
            )
        scopes = [scope for scope in Scope if scope in asker.scopes]
        return json_response(MeOut(id=asker.user_id, name=asker.name, scopes=scopes, usage=usage))

    async def page(self, request: Request) -> Response:
        """Users, the newest first."""
        query = parsed_query(PageQuery, request)
        found, last = await self.users.page(limit=query.limit, after=query.cursor)
        return page_response(request, Page[UserOut], map(UserOut.of, found), cursor_text(last))

    async def create(self, request: Request) -> Response:
        """Make a user."""
        only_known(request, set())
        wanted = await sent_json(request, UserIn)
        password_hash = None
        if wanted.password is not None:
            password_hash = await self.passwords.hash(wanted.password)
        user = made_user(wanted.name, password_hash, is_admin=wanted.is_admin, now=self.clock())
        await self.users.add(user)
        location = {"location": f"{absolute_base_of(request)}/api/v1/users/{user.id}"}
        return json_response(UserOut.of(user), 201, location)

    async def show(self, request: Request) -> Response:
        """One user; others than oneself exist for admins alone."""
        only_known(request, set())
        return json_response(UserOut.of(await self.users.get(self._seen_id(request))))

    async def change(self, request: Request) -> Response:
        """Change a user: admins anything, others their own password, given the old one.

        A new password, and disabling, end every login of the user; disabling withdraws the
        upload URLs that were handed out to them.
        """
        only_known(request, set())
        user = await self.users.get(self._seen_id(request))
        patch = await sent_patch(request, UserPatch)
        columns = patch.model_fields_set & CHANGED_BY_ADMINS
        values: dict[str, Any] = {name: getattr(patch, name) for name in columns}
        asker = principal_of(request)
        if values and not asker.is_admin:
            raise Forbidden("Users change their own password alone; the rest is an admin's.")
        if patch.password:
            if user.id == asker.user_id:
                await self._check_may_choose(request, user, patch.old_password)
            values["password_hash"] = await self.passwords.hash(patch.password)
        return json_response(UserOut.of(await self.users.change(user.id, UserChange(**values))))

    async def remove(self, request: Request) -> Response:
        """Remove a user with keys and logins; who has images needs `images_to`.

        Images, collections and jobs go to the user it names, or to `nobody`. Nothing is deleted
        with its owner.
        """
        query = parsed_query(UserRemoval, request)
        user_id = self._seen_id(request)
        user = await self.users.get(user_id)
        is_given = "images_to" in query.model_fields_set
        heir = None if query.images_to is None else UserId(query.images_to)
        if heir is not None:
            await self._check_heir(heir, user_id)
        if not is_given and await self.users.owns_anything(user_id):
            raise Conflict("This user has images or collections; say with images_to whose.")
        if not user.is_disabled:  # no more of them meanwhile
            await self.users.change(user_id, UserChange(is_disabled=True))
        await self.users.hand_over(user_id, heir, now=self.clock())
        self.on_handed_over()
        await self.users.remove(user_id)
        return Response(status_code=204)

    async def _check_heir(self, heir: UserId, user_id: UserId) -> None:
        try:
            await self.users.get(heir)
        except NotFound as error:
            raise invalid("images_to", "names no user") from error
        if heir == user_id:
            raise invalid("images_to", "names the user who is to go")

    async def _check_may_choose(self, request: Request, user: User, old: str) -> None:
        """A token that leaked must not become a login that stays: it takes the old password."""
        if user.password_hash is None:
            if not principal_of(request).is_admin:
                raise Forbidden("This user has no password; an admin can give one.")
            return
        if not old:
            raise invalid("old_password", "is needed to change one's own password")
        self.limits.check_login(request, user.name)
        if not await self.passwords.is_right(user.password_hash, old):
            raise Forbidden("The old password is wrong.")
        self.limits.know_login(request, user.name)

    def _seen_id(self, request: Request) -> UserId:
        """The user that the path names, if the asker may know of them.

        Raises:
            NotFound: they may not.
        """
        user_id = UserId(parse_id(request.path_params["user_id"]))
        asker = principal_of(request)
        if not asker.is_admin and user_id != asker.user_id:
            raise NotFound(NO_SUCH_ID)
        return user_id
