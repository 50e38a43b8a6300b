"""Collections as JSON: list, make, show, edit, delete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import MISSING, Field
from starlette.responses import Response

from imagesvc.api.schemas import Instant
from imagesvc.auth.permissions import check_may_change, check_may_see, owns
from imagesvc.auth.principals import Principal, Scope
from imagesvc.errors import Conflict, Forbidden, NotFound, PreconditionFailed, UnsupportedMediaType
from imagesvc.http.bodies.fields import Description, Title
from imagesvc.http.bodies.json_bodies import Json, MergePatch
from imagesvc.http.calls import Call, Context
from imagesvc.http.models import Model, Patch, Sent
from imagesvc.http.operations import EDIT_VERSION, LOCATION, Answer, operation, with_subject
from imagesvc.http.pages import Page, PageQuery, cursor_text, page_of, page_response
from imagesvc.http.requests import Id, json_response
from imagesvc.http.versions import expected_versions, versioned
from imagesvc.model.ids import CollectionId, new_id, utc_now
from imagesvc.model.images import Collection, Visibility
from imagesvc.store.collections import CollectionStore, no_collection

TAG = "collections"
EVERY = "/api/v1/collections"
ONE = f"{EVERY}/{{collection_id}}"


class CollectionIn(Sent, title="CollectionRequest"):
    """A collection to make."""

    title: Annotated[Title, Field(min_length=1)]
    description: Description = ""
    visibility: Visibility | None = None
    """The setting `default_visibility` when absent."""


class CollectionPatch(Patch):
    """Changes of a collection; absent members stay unchanged (RFC 7396)."""

    title: Annotated[Title, Field(min_length=1)] | MISSING = MISSING
    description: Description | MISSING | None = MISSING
    """Null removes it."""
    visibility: Visibility | MISSING = MISSING
    cover_image_id: Id | MISSING | None = MISSING
    """An image of the collection that stands for it; null for none."""

    def applied_to(self, collection: Collection) -> Collection:
        """The collection with the changes."""
        given = self.given()
        if "cover_image_id" in given:
            given["cover_id"] = given.pop("cover_image_id")
        if "description" in given:
            given["description"] = given["description"] or ""
        return replace(collection, **given)


class CollectionLinks(Model):
    """The URL of a collection's images."""

    images: str


class CollectionOut(Model, title="Collection"):
    """A collection; its images are at `links.images`."""

    id: UUID
    title: str
    description: str
    visibility: Visibility
    image_count: int | None
    """The number of its images, including private ones; shown to its owner only."""
    cover_image_id: UUID | None
    """The image chosen as its cover, while it is in the collection; shown to its owner only."""
    owner_id: UUID | None
    created_at: Instant
    updated_at: Instant
    links: CollectionLinks

    @classmethod
    def of(cls, collection: Collection, requester: Principal, *, base: str) -> CollectionOut:
        """The representation of a collection for a requester."""
        is_own = owns(requester, collection.owner_id)
        return cls(
            id=collection.id,
            title=collection.title,
            description=collection.description,
            visibility=collection.visibility,
            image_count=collection.image_count if is_own else None,
            cover_image_id=collection.cover_id if is_own else None,
            owner_id=collection.owner_id,
            created_at=collection.created_at,
            updated_at=collection.updated_at,
            links=CollectionLinks(
                images=f"{base}/api/v1/collections/{collection.id}/relationships/images"
            ),
        )


SHOWN = Answer(CollectionOut, EDIT_VERSION)


@dataclass(frozen=True, slots=True)
class CollectionEndpoints:
    """The operations on collections; the fields are their dependencies."""

    collections: CollectionStore
    default_visibility: Visibility
    clock: Callable[[], datetime] = utc_now

    async def _visible(self, context: Context) -> Collection:
        return await visible_collection(self.collections, context)

    async def _changeable(self, context: Context) -> Collection:
        return await changeable_collection(self.collections, context)

    @operation(
        "list_collections", "GET", EVERY, tag=TAG, scope=Scope.READ, query=PageQuery,
        answers={200: page_of(Page[CollectionOut])},
    )  # fmt: skip
    async def page(self, call: Call[PageQuery, None]) -> Response:
        """Collections, the newest first: the requester's own and public ones; for admins, all."""
        requester = call.requester
        found, last = await self.collections.page(
            requester.viewer, limit=call.query.limit, after=call.query.cursor
        )
        shown = (CollectionOut.of(one, requester, base=call.base) for one in found)
        return page_response(call, Page[CollectionOut], shown, cursor_text(last))

    @operation(
        "create_collection", "POST", EVERY, tag=TAG, scope=Scope.MANAGE, body=Json(CollectionIn),
        answers={201: Answer(CollectionOut, {**LOCATION, **EDIT_VERSION})},
        errors=(UnsupportedMediaType,),
    )  # fmt: skip
    async def create(self, call: Call[None, CollectionIn]) -> Response:
        """Make a collection without images."""
        given, now = call.body, self.clock()
        collection = Collection(
            id=CollectionId(new_id()),
            owner_id=call.requester.user_id,
            title=given.title,
            description=given.description,
            visibility=given.visibility or self.default_visibility,
            created_at=now,
            updated_at=now,
        )
        await self.collections.add(collection)
        location = {"location": f"{call.absolute_base}{EVERY}/{collection.id}"}
        headers = location | versioned(collection.version)
        shown = CollectionOut.of(collection, call.requester, base=call.base)
        return json_response(shown, 201, headers)

    @operation(
        "get_collection", "GET", ONE, tag=TAG, scope=Scope.READ,
        answers={200: SHOWN}, errors=(NotFound,),
    )  # fmt: skip
    @with_subject(_visible)
    async def show(self, call: Call[None, None], collection: Collection) -> Response:
        """One collection; its images are at `links.images`."""
        return _shown(call, collection)

    @operation(
        "edit_collection", "PATCH", ONE, tag=TAG, scope=Scope.MANAGE,
        body=MergePatch(CollectionPatch), answers={200: SHOWN},
        errors=(NotFound, Forbidden, PreconditionFailed, UnsupportedMediaType),
    )  # fmt: skip
    @with_subject(_changeable)
    async def edit(self, call: Call[None, CollectionPatch], collection: Collection) -> Response:
        """Change title, description, visibility or cover; `If-Match` prevents lost updates."""
        changed = await self.collections.edit(
            collection.id,
            call.body.applied_to,
            expected=expected_versions(call.request),
            now=self.clock(),
        )
        return _shown(call, changed)

    @operation(
        "delete_collection", "DELETE", ONE, tag=TAG, scope=Scope.MANAGE,
        answers={204: None}, errors=(NotFound, Forbidden, Conflict),
    )  # fmt: skip
    @with_subject(_changeable)
    async def delete(self, _call: Call[None, None], collection: Collection) -> Response:
        """Delete an empty collection; 409 while it has images."""
        await self.collections.remove(collection.id)
        return Response(status_code=204)


async def visible_collection(collections: CollectionStore, context: Context) -> Collection:
    """The collection that the path names.

    Raises:
        NotFound: it does not exist for this requester.
    """
    collection = await collections.get(CollectionId(context.id("collection_id")))
    check_may_see(context.requester, collection)
    return collection


async def changeable_collection(collections: CollectionStore, context: Context) -> Collection:
    """The collection that the path names, which the requester may change.

    Raises:
        NotFound: it does not exist for this requester.
        Forbidden: it belongs to someone else.
    """
    collection = await collections.get(CollectionId(context.id("collection_id")))
    check_may_change(context.requester, collection)
    return collection


async def check_may_fill(
    collections: CollectionStore, collection_id: CollectionId, requester: Principal
) -> None:
    """Check that a requester may upload into a collection.

    Raises:
        InvalidRequest: the collection does not exist for this requester.
        Forbidden: it belongs to another user.
    """
    try:
        check_may_change(requester, await collections.get(collection_id))
    except NotFound as error:
        raise no_collection() from error


def _shown(context: Context, collection: Collection) -> Response:
    shown = CollectionOut.of(collection, context.requester, base=context.base)
    return json_response(shown, headers=versioned(collection.version))
