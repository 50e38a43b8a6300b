"""Collections as JSON: list, make, show, edit, delete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from imagesvc.api.schemas import Instant
from imagesvc.auth.authenticator import principal_of
from imagesvc.auth.permissions import check_may_change, check_may_see, owns
from imagesvc.auth.principals import Principal, Scope
from imagesvc.errors import Conflict, Forbidden, NotFound, PreconditionFailed, UnsupportedMediaType
from imagesvc.http.bodies.fields import Description, Title
from imagesvc.http.bodies.json_bodies import sent_json, sent_patch
from imagesvc.http.operations import Operation
from imagesvc.http.pages import Page, PageQuery, cursor_text, page_response
from imagesvc.http.requests import (
    absolute_base_of,
    base_of,
    json_response,
    only_known,
    parsed_query,
)
from imagesvc.http.versions import expected_versions, versioned
from imagesvc.model import Collection, CollectionId, Visibility, new_id, parse_id, utc_now
from imagesvc.store.collections import CollectionStore, no_collection

TAG = "collections"
ONE = "/api/v1/collections/{collection_id}"


class CollectionIn(BaseModel):
    """A collection to make."""

    model_config = ConfigDict(extra="forbid", strict=True)

    title: Annotated[Title, Field(min_length=1)]
    description: Description = ""
    visibility: Visibility | None = None
    """As the setting `default_visibility` says when absent."""


class CollectionPatch(BaseModel):
    """What to change of a collection; what is absent stays (RFC 7396)."""

    model_config = ConfigDict(extra="forbid", strict=True)

    title: Annotated[Title, Field(min_length=1)] = ""
    description: Description | None = ""
    """Null empties it."""
    visibility: Visibility = Visibility.PRIVATE

    def applied_to(self, collection: Collection) -> Collection:
        """The collection as it is to be."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if "description" in given:
            given["description"] = given["description"] or ""
        return replace(collection, **given)


class CollectionLinks(BaseModel):
    """Where a collection's images are."""

    images: str


class CollectionOut(BaseModel):
    """A collection; its images are at `links.images`."""

    id: UUID
    title: str
    description: str
    visibility: Visibility
    image_count: int | None
    """How many images are in it; for its owner alone, since private ones count."""
    owner_id: UUID | None
    created_at: Instant
    updated_at: Instant
    links: CollectionLinks

    @classmethod
    def of(cls, collection: Collection, asker: Principal, *, base: str) -> CollectionOut:
        """What the API tells an asker about a collection."""
        is_own = owns(asker, collection.owner_id)
        return cls(
            id=collection.id,
            title=collection.title,
            description=collection.description,
            visibility=collection.visibility,
            image_count=collection.image_count if is_own else None,
            owner_id=collection.owner_id,
            created_at=collection.created_at,
            updated_at=collection.updated_at,
            links=CollectionLinks(
                images=f"{base}/api/v1/collections/{collection.id}/relationships/images"
            ),
        )


@dataclass(frozen=True, slots=True)
class CollectionEndpoints:
    """The operations on collections; the fields are everything they may touch."""

    collections: CollectionStore
    default_visibility: Visibility
    clock: Callable[[], datetime] = utc_now

    def operations(self) -> list[Operation]:
        """The operations this module serves; `app.py` concatenates them."""
        every = "/api/v1/collections"
        return [
            Operation(
                "list_collections", "GET", every, self.page, {200: Page[CollectionOut]}, TAG,
                scope=Scope.READ, query=PageQuery,
            ),
            Operation(
                "create_collection", "POST", every, self.create, {201: CollectionOut}, TAG,
                scope=Scope.MANAGE, bodies=(CollectionIn,), errors=(UnsupportedMediaType,),
            ),
            Operation(
                "get_collection", "GET", ONE, self.show, {200: CollectionOut}, TAG,
                scope=Scope.READ, errors=(NotFound,),
            ),
            Operation(
                "edit_collection", "PATCH", ONE, self.edit, {200: CollectionOut}, TAG,
                scope=Scope.MANAGE, bodies=(CollectionPatch,),
                errors=(NotFound, Forbidden, PreconditionFailed, UnsupportedMediaType),
            ),
            Operation(
                "delete_collection", "DELETE", ONE, self.delete, {204: None}, TAG,
                scope=Scope.MANAGE, errors=(NotFound, Forbidden, Conflict),
            ),
        ]  # fmt: skip

    async def page(self, request: Request) -> Response:
        """Collections, the newest first: the asker's own and public ones; for admins, all."""
        query = parsed_query(PageQuery, request)
        principal = principal_of(request)
        found, last = await self.collections.page(
            principal.audience, limit=query.limit, after=query.cursor
        )
        base = base_of(request)
        shown = (CollectionOut.of(collection, principal, base=base) for collection in found)
        return page_response(request, Page[CollectionOut], shown, cursor_text(last))

    async def create(self, request: Request) -> Response:
        """Make a collection without images."""
        only_known(request, set())
        given = await sent_json(request, CollectionIn)
        now = self.clock()
        collection = Collection(
            id=CollectionId(new_id()),
            owner_id=principal_of(request).user_id,
            title=given.title,
            description=given.description,
            visibility=given.visibility or self.default_visibility,
            created_at=now,
            updated_at=now,
        )
        await self.collections.add(collection)
        location = {"location": f"{absolute_base_of(request)}/api/v1/collections/{collection.id}"}
        headers = location | versioned(collection.version)
        shown = CollectionOut.of(collection, principal_of(request), base=base_of(request))
        return json_response(shown, 201, headers)

    async def show(self, request: Request) -> Response:
        """One collection; its images are at `links.images`."""
        only_known(request, set())
        collection = await named_collection(self.collections, request)
        check_may_see(principal_of(request), collection)
        return _shown(request, collection)

    async def edit(self, request: Request) -> Response:
        """Change title, description or visibility; `If-Match` guards against lost changes."""
        only_known(request, set())
        collection = await named_collection(self.collections, request)
        check_may_change(principal_of(request), collection)
        patch = await sent_patch(request, CollectionPatch)
        changed = await self.collections.edit(
            collection.id,
            patch.applied_to,
            expected=expected_versions(request),
            now=self.clock(),
        )
        return _shown(request, changed)

    async def delete(self, request: Request) -> Response:
        """Delete an empty collection; 409 while there are images in it."""
        only_known(request, set())
        collection = await named_collection(self.collections, request)
        check_may_change(principal_of(request), collection)
        await self.collections.remove(collection.id)
        return Response(status_code=204)


async def named_collection(collections: CollectionStore, request: Request) -> Collection:
    """The collection that the path names.

    Raises:
        NotFound: there is none.
    """
    return await collections.get(CollectionId(parse_id(request.path_params["collection_id"])))


async def check_may_fill(
    collections: CollectionStore, collection_id: CollectionId, asker: Principal
) -> None:
    """Whether someone may upload into a collection.

    Raises:
        InvalidRequest: for this asker there is no such collection.
        Forbidden: it is someone else's.
    """
    try:
        check_may_change(asker, await collections.get(collection_id))
    except NotFound as error:
        raise no_collection() from error


def _shown(request: Request, collection: Collection) -> Response:
    shown = CollectionOut.of(collection, principal_of(request), base=base_of(request))
    return json_response(shown, headers=versioned(collection.version))
