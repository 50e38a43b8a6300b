"""Users as JSON: list, make, show, change, remove, and the requester's own user."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from pydantic import MISSING, AfterValidator, BeforeValidator, Field, WithJsonSchema
from starlette.requests import Request
from starlette.responses import Response

from imagesvc.api.schemas import Instant
from imagesvc.auth.principals import Principal, Scope
from imagesvc.auth.rates.limits import RateLimits
from imagesvc.auth.users import (
    MAX_PASSWORD,
    MIN_PASSWORD,
    USER_NAME,
    check_name,
    check_password,
)
from imagesvc.errors import NO_SUCH_ID, Conflict, Forbidden, NotFound
from imagesvc.http.bodies.json_bodies import Json, MergePatch
from imagesvc.http.calls import Call, Context
from imagesvc.http.models import WHOLE, Model, Patch, Query, Sent
from imagesvc.http.operations import LOCATION, Answer, operation, with_subject
from imagesvc.http.pages import Page, PageQuery, cursor_text, page_of, page_response
from imagesvc.http.requests import Id, invalid, json_response
from imagesvc.library.users import NewOwner, NewOwnerNeeded, UnfitNewOwner, Users
from imagesvc.model.accounts import Quota as OwnQuota
from imagesvc.model.accounts import Usage as Kept
from imagesvc.model.accounts import User
from imagesvc.model.ids import UserId, parse_id
from imagesvc.store.accounts import UserChange

TAG = "accounts"
EVERY = "/api/v1/users"
ONE = f"{EVERY}/{{user_id}}"
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


Quota = Annotated[int, Field(ge=0, lt=2**53), WHOLE]


class UserIn(Sent, title="UserRequest"):
    """A user to make; a user without a password uses keys only."""

    name: Name
    password: Password | None = None
    is_admin: bool = False
    quota_images: Quota | None = None
    """The quota of this user instead of that in the settings."""
    quota_bytes: Quota | None = None


class UserPatch(Patch):
    """Changes of a user; absent members stay unchanged (RFC 7396)."""

    name: Name | MISSING = MISSING
    password: Password | MISSING = MISSING
    old_password: Annotated[str, Field(max_length=1024)] | MISSING = MISSING
    """The old password, required when users change their own."""
    is_admin: bool | MISSING = MISSING
    is_disabled: bool | MISSING = MISSING
    quota_images: Quota | MISSING | None = MISSING
    """The quota of this user instead of that in the settings; null restores the latter."""
    quota_bytes: Quota | MISSING | None = MISSING


class UserOut(Model, title="User"):
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
        """The representation of a user."""
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


class Usage(Model):
    """The storage used and the quota of a user; null for no limit."""

    image_count: int
    image_bytes: int
    quota_images: int | None
    quota_bytes: int | None


class MeOut(Model, title="Me"):
    """The requester's user; without accounts it has no id."""

    id: UUID | None
    name: str
    scopes: list[Scope]
    """The scopes of the credential of this request."""
    usage: Usage | None


def _new_owner(text: object) -> object:
    if text == "nobody":
        return None
    try:
        return parse_id(str(text))
    except NotFound as error:
        raise ValueError("must be the id of a user, or nobody") from error


class UserRemoval(Query):
    """The new owner of a removed user's images."""

    images_to: Annotated[Id | None, BeforeValidator(_new_owner)] = None
    """The id of a user, or `nobody`, which leaves them to admins."""

    @property
    def new_owner(self) -> UserId | NewOwner | None:
        """The new owner; None when the query names none."""
        if self.images_to is not None:
            return UserId(self.images_to)
        return NewOwner.NOBODY if "images_to" in self.model_fields_set else None


@dataclass(frozen=True, slots=True)
class UserEndpoints:
    """The operations on users; the fields are their dependencies."""

    users: Users
    limits: RateLimits
    usage_of: Callable[[UserId], Awaitable[Kept]]

    async def _known(self, context: Context) -> User:
        return await self.users.store.get(_known_id(context))

    @operation("get_me", "GET", f"{EVERY}/me", tag=TAG, scope=Scope.READ, answers={200: MeOut})
    async def me(self, call: Call[None, None]) -> Response:
        """The requester's user, with the scopes of the credential and the storage used."""
        requester = call.requester
        usage = None
        if requester.user_id is not None:
            kept = await self.usage_of(requester.user_id)
            usage = Usage(
                image_count=kept.images,
                image_bytes=kept.bytes,
                quota_images=kept.quota.images,
                quota_bytes=kept.quota.bytes,
            )
        scopes = [scope for scope in Scope if scope in requester.scopes]
        return json_response(
            MeOut(id=requester.user_id, name=requester.name, scopes=scopes, usage=usage)
        )

    @operation(
        "list_users", "GET", EVERY, tag=TAG, scope=Scope.ADMIN, query=PageQuery,
        answers={200: page_of(Page[UserOut])},
    )  # fmt: skip
    async def page(self, call: Call[PageQuery, None]) -> Response:
        """Users, the newest first."""
        found, last = await self.users.store.page(limit=call.query.limit, after=call.query.cursor)
        return page_response(call, Page[UserOut], map(UserOut.of, found), cursor_text(last))

    @operation(
        "create_user", "POST", EVERY, tag=TAG, scope=Scope.ADMIN, body=Json(UserIn),
        answers={201: Answer(UserOut, LOCATION)}, errors=(Conflict,),
    )  # fmt: skip
    async def create(self, call: Call[None, UserIn]) -> Response:
        """Make a user."""
        wanted = call.body
        user = await self.users.add(
            wanted.name,
            wanted.password,
            is_admin=wanted.is_admin,
            quota=OwnQuota(wanted.quota_images, wanted.quota_bytes),
        )
        location = {"location": f"{call.absolute_base}{EVERY}/{user.id}"}
        return json_response(UserOut.of(user), 201, location)

    @operation(
        "get_user", "GET", ONE, tag=TAG, scope=Scope.READ,
        answers={200: UserOut}, errors=(NotFound,),
    )  # fmt: skip
    @with_subject(_known)
    async def show(self, _call: Call[None, None], user: User) -> Response:
        """One user; only admins can see other users."""
        return json_response(UserOut.of(user))

    @operation(
        "update_user", "PATCH", ONE, tag=TAG, scope=Scope.MANAGE, body=MergePatch(UserPatch),
        answers={200: UserOut}, errors=(NotFound, Forbidden, Conflict),
    )  # fmt: skip
    @with_subject(_known)
    async def change(self, call: Call[None, UserPatch], user: User) -> Response:
        """Change a user: admins may change everything, other users only their password.

        Users send their old password. A new password, and disabling, end every login of the user;
        disabling also invalidates the user's upload URLs.
        """
        patch, requester = call.body, call.requester
        values = {name: value for name, value in patch.given().items() if name in CHANGED_BY_ADMINS}
        if values and not requester.is_admin:
            raise Forbidden(
                "Users can change only their own password; only an admin can change the rest."
            )
        password = None if patch.password is MISSING else patch.password
        if password is not None and user.id == requester.user_id:
            old = "" if patch.old_password is MISSING else patch.old_password
            await self._check_may_choose(call.request, requester, user, old)
        changed = await self.users.change(user.id, UserChange(**values), password=password)
        return json_response(UserOut.of(changed))

    @operation(
        "delete_user", "DELETE", ONE, tag=TAG, scope=Scope.ADMIN, query=UserRemoval,
        answers={204: None}, errors=(NotFound, Conflict),
    )  # fmt: skip
    @with_subject(_known)
    async def remove(self, call: Call[UserRemoval, None], user: User) -> Response:
        """Remove a user with keys and logins; a user with images needs `images_to`.

        Images, collections and jobs are transferred to the user it names, or to `nobody`. They are
        never deleted with their owner.
        """
        try:
            await self.users.remove(user, call.query.new_owner)
        except UnfitNewOwner as error:
            raise invalid("images_to", error.detail) from error
        except NewOwnerNeeded as error:
            raise Conflict(
                "This user has images or collections; name the new owner with images_to."
            ) from error
        return Response(status_code=204)

    async def _check_may_choose(
        self, request: Request, requester: Principal, user: User, old: str
    ) -> None:
        """Require the old password: a leaked token must not become a permanent login.

        Raises:
            InvalidRequest, Forbidden: it is absent or wrong.
        """
        if user.password_hash is None:
            if not requester.is_admin:
                raise Forbidden("This user has no password; an admin can set one.")
            return
        if not old:
            raise invalid("old_password", "is required to change your password")
        await self.limits.check_login(request, user.name)
        if not await self.users.passwords.is_right(user.password_hash, old):
            raise Forbidden("The old password is wrong.")
        await self.limits.remember_login(request, user.name)


def _known_id(context: Context) -> UserId:
    """The user that the path names, if the requester may see it.

    Raises:
        NotFound: the requester may not.
    """
    user_id, requester = UserId(context.id("user_id")), context.requester
    if not requester.is_admin and user_id != requester.user_id:
        raise NotFound(NO_SUCH_ID)
    return user_id
