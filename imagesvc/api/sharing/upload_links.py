"""Links for uploads of guests as JSON: make, list, show, change and withdraw them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from pydantic import MISSING, Field
from starlette.responses import Response

from imagesvc.api.schemas import Instant
from imagesvc.api.sharing.shares import ExpiresAt
from imagesvc.auth.permissions import owns
from imagesvc.auth.principals import Scope
from imagesvc.errors import NO_SUCH_ID, Conflict, Forbidden, NotFound, UnsupportedMediaType
from imagesvc.http.bodies.fields import Title
from imagesvc.http.bodies.json_bodies import Json, MergePatch
from imagesvc.http.calls import Call, Context
from imagesvc.http.models import WHOLE, Model, Patch, Sent
from imagesvc.http.operations import LOCATION, Answer, operation, with_subject
from imagesvc.http.pages import Page, PageQuery, cursor_text, page_of, page_response
from imagesvc.http.requests import json_response
from imagesvc.library.guests import Guests, LinkTerms
from imagesvc.model.ids import CollectionId, UploadLinkId
from imagesvc.model.sharing import UploadLink

TAG = "sharing"
EVERY = "/api/v1/upload-links"
ONE = f"{EVERY}/{{link_id}}"
MaxFiles = Annotated[int, Field(ge=1, le=100_000), WHOLE]
MaxBytes = Annotated[int, Field(ge=1, le=1 << 50), WHOLE]


class UploadLinkIn(Sent, title="UploadLinkRequest"):
    """A link for uploads to make."""

    collection_id: Annotated[UUID, Field(strict=False)]
    """Where the images of guests go: a collection of the requester."""
    title: Title = ""
    """What guests see."""
    expires_at: ExpiresAt | None = None
    max_files: MaxFiles = 100
    """How many files all guests together may upload."""
    max_bytes: MaxBytes = 1 << 30
    """How many bytes all guests together may upload."""

    @property
    def terms(self) -> LinkTerms:
        """What the link permits."""
        return LinkTerms(self.max_files, self.max_bytes, self.title, self.expires_at)


class UploadLinkPatch(Patch):
    """Changes of a link; absent members stay unchanged (RFC 7396)."""

    title: Title | MISSING = MISSING
    expires_at: ExpiresAt | MISSING | None = MISSING
    max_files: MaxFiles | MISSING = MISSING
    max_bytes: MaxBytes | MISSING = MISSING


class UploadLinkOut(Model, title="UploadLink"):
    """A link for uploads; its URL is shown only when it is made."""

    id: UUID
    owner_id: UUID | None
    title: str
    collection_id: UUID
    expires_at: Instant | None
    max_files: int
    max_bytes: int
    files: int
    """How many files it has accepted."""
    bytes: int
    """How many bytes they have."""
    created_at: Instant


class NewUploadLinkOut(UploadLinkOut, title="NewUploadLink"):
    """A new link for uploads."""

    url: str
    """The link for guests, which is shown only once."""


@dataclass(frozen=True, slots=True)
class UploadLinkEndpoints:
    """The operations on links for uploads; the fields are their dependencies."""

    guests: Guests

    async def _own(self, context: Context) -> UploadLink:
        link = await self.guests.store.get(UploadLinkId(context.id("link_id")))
        if not owns(context.requester, link.owner_id):
            raise NotFound(NO_SUCH_ID)
        return link

    @operation(
        "list_upload_links", "GET", EVERY, tag=TAG, scope=Scope.MANAGE, query=PageQuery,
        answers={200: page_of(Page[UploadLinkOut])},
    )  # fmt: skip
    async def page(self, call: Call[PageQuery, None]) -> Response:
        """The requester's links for uploads, the newest first; for admins, all."""
        query, viewer = call.query, call.requester.viewer
        found, last = await self.guests.store.page(viewer, limit=query.limit, after=query.cursor)
        return page_response(call, Page[UploadLinkOut], map(_out, found), cursor_text(last))

    @operation(
        "create_upload_link", "POST", EVERY, tag=TAG, scope=Scope.MANAGE, body=Json(UploadLinkIn),
        answers={201: Answer(NewUploadLinkOut, LOCATION)},
        errors=(NotFound, Forbidden, Conflict, UnsupportedMediaType),
    )  # fmt: skip
    async def create(self, call: Call[None, UploadLinkIn]) -> Response:
        """Make a link with which everyone may upload into a collection; it is shown only here.

        Their images are private, and belong to the owner of the collection.
        """
        collection_id = CollectionId(call.body.collection_id)
        link, token = await self.guests.add(call.requester, collection_id, call.body.terms)
        location = {"location": f"{call.absolute_base}{EVERY}/{link.id}"}
        values = {**_shown(link), "url": f"{call.absolute_base}/g/{token}"}
        return json_response(NewUploadLinkOut.model_validate(values), 201, location)

    @operation(
        "get_upload_link", "GET", ONE, tag=TAG, scope=Scope.MANAGE,
        answers={200: UploadLinkOut}, errors=(NotFound,),
    )  # fmt: skip
    @with_subject(_own)
    async def show(self, _call: Call[None, None], link: UploadLink) -> Response:
        """One link for uploads, without its URL."""
        return json_response(_out(link))

    @operation(
        "edit_upload_link", "PATCH", ONE, tag=TAG, scope=Scope.MANAGE,
        body=MergePatch(UploadLinkPatch), answers={200: UploadLinkOut},
        errors=(NotFound, UnsupportedMediaType),
    )  # fmt: skip
    @with_subject(_own)
    async def edit(self, call: Call[None, UploadLinkPatch], link: UploadLink) -> Response:
        """Change title, expiry and limits; the URL stays."""
        return json_response(_out(await self.guests.edit(link, call.body.given())))

    @operation(
        "delete_upload_link", "DELETE", ONE, tag=TAG, scope=Scope.MANAGE,
        answers={204: None}, errors=(NotFound,),
    )  # fmt: skip
    @with_subject(_own)
    async def withdraw(self, _call: Call[None, None], link: UploadLink) -> Response:
        """Withdraw a link: from now on it answers 404; the images stay."""
        await self.guests.store.remove(link.id)
        return Response(status_code=204)


def _shown(link: UploadLink) -> dict[str, object]:
    return {name: getattr(link, name) for name in UploadLinkOut.model_fields}


def _out(link: UploadLink) -> UploadLinkOut:
    return UploadLinkOut.model_validate(_shown(link))
