"""Shares as JSON: make, list, show, change and withdraw them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from pydantic import MISSING, AfterValidator, AwareDatetime, Field, model_validator
from starlette.responses import Response

from imagesvc.api.schemas import Instant
from imagesvc.auth.permissions import owns
from imagesvc.auth.principals import Principal, Scope
from imagesvc.errors import (
    NO_SUCH_ID,
    Conflict,
    Forbidden,
    InvalidQuery,
    NotFound,
    UnsupportedMediaType,
)
from imagesvc.http.bodies.fields import Title
from imagesvc.http.bodies.json_bodies import Json, MergePatch
from imagesvc.http.calls import Call, Context
from imagesvc.http.models import WHOLE, Model, Patch, Sent
from imagesvc.http.operations import LOCATION, Answer, operation, with_subject
from imagesvc.http.pages import Page, PageQuery, cursor_text, page_of, page_response
from imagesvc.http.requests import in_utc, json_response
from imagesvc.library.shares import Shares, ShareTerms
from imagesvc.model.ids import CollectionId, ImageId, ShareId
from imagesvc.model.sharing import Share, ShareTarget

TAG = "sharing"
EVERY = "/api/v1/shares"
ONE = f"{EVERY}/{{share_id}}"
MAX_VIEWS = 1_000_000

ExpiresAt = Annotated[AwareDatetime, Field(strict=False), AfterValidator(in_utc)]
Password = Annotated[str, Field(min_length=1, max_length=1024)]
Views = Annotated[int, Field(ge=1, le=MAX_VIEWS), WHOLE]


class ShareIn(Sent, title="ShareRequest"):
    """A share to make, of one of `image_id`, `collection_id` and `q`."""

    image_id: Annotated[UUID, Field(strict=False)] | None = None
    collection_id: Annotated[UUID, Field(strict=False)] | None = None
    q: Annotated[str, Field(min_length=1)] | None = None
    """A search; the share shows what it finds among the images of the requester."""
    title: Title = ""
    """The title for visitors; that of the collection when absent."""
    password: Password | None = None
    expires_at: ExpiresAt | None = None
    max_views: Views | None = None
    """How many visits may begin."""
    allow_download: bool = False
    """Whether visitors may have originals."""
    show_metadata: bool = False
    """Whether visitors see when and how pictures were taken; never where."""

    @model_validator(mode="after")
    def _check_target(self) -> ShareIn:
        given = [self.image_id, self.collection_id, self.q]
        if len(given) - given.count(None) != 1:
            raise ValueError("exactly one of image_id, collection_id and q is required")
        return self

    @property
    def terms(self) -> ShareTerms:
        """What the share permits."""
        return ShareTerms(
            title=self.title,
            password=self.password,
            expires_at=self.expires_at,
            max_views=self.max_views,
            allow_download=self.allow_download,
            show_metadata=self.show_metadata,
        )


class SharePatch(Patch):
    """Changes of a share; absent members stay unchanged (RFC 7396)."""

    title: Title | MISSING = MISSING
    password: Password | MISSING | None = MISSING
    """Another one ends the visits that have begun; null removes it."""
    expires_at: ExpiresAt | MISSING | None = MISSING
    max_views: Views | MISSING | None = MISSING
    allow_download: bool | MISSING = MISSING
    show_metadata: bool | MISSING = MISSING


class ShareOut(Model, title="Share"):
    """A share; its URL is shown only when it is made."""

    id: UUID
    owner_id: UUID | None
    target: ShareTarget
    image_id: UUID | None
    collection_id: UUID | None
    q: str | None
    title: str
    has_password: bool
    expires_at: Instant | None
    max_views: int | None
    views: int
    """How many visits have begun."""
    allow_download: bool
    show_metadata: bool
    created_at: Instant
    last_viewed_at: Instant | None


class NewShareOut(ShareOut, title="NewShare"):
    """A new share."""

    url: str
    """The link for visitors, which is shown only once."""


@dataclass(frozen=True, slots=True)
class ShareEndpoints:
    """The operations on shares; the fields are their dependencies."""

    shares: Shares

    async def _own(self, context: Context) -> Share:
        share = await self.shares.store.get(ShareId(context.id("share_id")))
        if not owns(context.requester, share.owner_id):
            raise NotFound(NO_SUCH_ID)
        return share

    @operation(
        "list_shares", "GET", EVERY, tag=TAG, scope=Scope.MANAGE, query=PageQuery,
        answers={200: page_of(Page[ShareOut])},
    )  # fmt: skip
    async def page(self, call: Call[PageQuery, None]) -> Response:
        """The requester's shares, the newest first; for admins, all."""
        query, viewer = call.query, call.requester.viewer
        found, last = await self.shares.store.page(viewer, limit=query.limit, after=query.cursor)
        return page_response(call, Page[ShareOut], map(_out, found), cursor_text(last))

    @operation(
        "create_share", "POST", EVERY, tag=TAG, scope=Scope.MANAGE, body=Json(ShareIn),
        answers={201: Answer(NewShareOut, LOCATION)},
        errors=(NotFound, Forbidden, Conflict, InvalidQuery, UnsupportedMediaType),
    )  # fmt: skip
    async def create(self, call: Call[None, ShareIn]) -> Response:
        """Make a link to an image, a collection or a search; only this response shows it.

        Everyone who has the link sees the pictures, whatever their visibility is.
        """
        share, token = await self._made(call.requester, call.body)
        location = {"location": f"{call.absolute_base}{EVERY}/{share.id}"}
        url = f"{call.absolute_base}/s/{token}"
        return json_response(
            NewShareOut.model_validate({**_shown(share), "url": url}), 201, location
        )

    @operation(
        "get_share", "GET", ONE, tag=TAG, scope=Scope.MANAGE,
        answers={200: ShareOut}, errors=(NotFound,),
    )  # fmt: skip
    @with_subject(_own)
    async def show(self, _call: Call[None, None], share: Share) -> Response:
        """One share, without its URL."""
        return json_response(_out(share))

    @operation(
        "edit_share", "PATCH", ONE, tag=TAG, scope=Scope.MANAGE, body=MergePatch(SharePatch),
        answers={200: ShareOut}, errors=(NotFound, UnsupportedMediaType),
    )  # fmt: skip
    @with_subject(_own)
    async def edit(self, call: Call[None, SharePatch], share: Share) -> Response:
        """Change title, password, expiry, views, or what visitors may have; the URL stays."""
        return json_response(_out(await self.shares.edit(share, call.body.given())))

    @operation(
        "delete_share", "DELETE", ONE, tag=TAG, scope=Scope.MANAGE,
        answers={204: None}, errors=(NotFound,),
    )  # fmt: skip
    @with_subject(_own)
    async def withdraw(self, _call: Call[None, None], share: Share) -> Response:
        """Withdraw a share: from now on its URLs answer 404."""
        await self.shares.store.remove(share.id)
        return Response(status_code=204)

    async def _made(self, requester: Principal, wanted: ShareIn) -> tuple[Share, str]:
        if wanted.image_id is not None:
            return await self.shares.of_image(requester, ImageId(wanted.image_id), wanted.terms)
        if wanted.collection_id is not None:
            collection_id = CollectionId(wanted.collection_id)
            return await self.shares.of_collection(requester, collection_id, wanted.terms)
        return await self.shares.of_search(requester, wanted.q or "", wanted.terms)


def _shown(share: Share) -> dict[str, object]:
    named = (name for name in ShareOut.model_fields if name != "has_password")
    has_password = share.password_hash is not None
    return {**{name: getattr(share, name) for name in named}, "has_password": has_password}


def _out(share: Share) -> ShareOut:
    return ShareOut.model_validate(_shown(share))
