"""The images of a collection: list them, put some in, take some out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from imagesvc.api.collections import ONE, TAG, named_collection
from imagesvc.api.images.named import named_images
from imagesvc.api.schemas import ImageOut
from imagesvc.auth.authenticator import principal_of
from imagesvc.auth.permissions import check_may_change, check_may_see, owns
from imagesvc.auth.principals import Scope
from imagesvc.errors import Conflict, Forbidden, NotFound, UnsupportedMediaType
from imagesvc.http.bodies.json_bodies import sent_json
from imagesvc.http.operations import Operation
from imagesvc.http.pages import Page, PageQuery, cursor_text, page_response
from imagesvc.http.requests import base_of, only_known, parsed_query
from imagesvc.model import Collection, Image, Visibility, utc_now
from imagesvc.store.collections import CollectionStore
from imagesvc.store.images import ImageStore

MAX_IMAGES = 200


class ImageRef(BaseModel):
    """Which image."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: Literal["images"]
    id: str


class ImageRefs(BaseModel):
    """Which images."""

    model_config = ConfigDict(extra="forbid", strict=True)

    data: Annotated[list[ImageRef], Field(min_length=1, max_length=MAX_IMAGES)]


@dataclass(frozen=True, slots=True)
class MembershipEndpoints:
    """The operations on the images of collections; the fields are everything they may touch."""

    collections: CollectionStore
    images: ImageStore
    presets: Mapping[str, str]
    clock: Callable[[], datetime] = utc_now

    def operations(self) -> list[Operation]:
        """The operations this module serves; `app.py` concatenates them."""
        members = f"{ONE}/relationships/images"
        errors = (NotFound, Forbidden, UnsupportedMediaType)
        return [
            Operation(
                "list_collection_images", "GET", members, self.page, {200: Page[ImageOut]}, TAG,
                scope=Scope.READ, query=PageQuery, errors=(NotFound,),
            ),
            Operation(
                "add_collection_images", "POST", members, self.put_in, {204: None}, TAG,
                scope=Scope.MANAGE, bodies=(ImageRefs,), errors=(*errors, Conflict),
            ),
            Operation(
                "remove_collection_images", "DELETE", members, self.take_out, {204: None}, TAG,
                scope=Scope.MANAGE, bodies=(ImageRefs,), errors=errors,
            ),
        ]  # fmt: skip

    async def page(self, request: Request) -> Response:
        """The images of a collection, the newest first; others see those they may see.

        Public ones, that is, and the unlisted ones of a collection that is unlisted itself.
        """
        query = parsed_query(PageQuery, request)
        principal = principal_of(request)
        collection = await named_collection(self.collections, request)
        check_may_see(principal, collection)
        found, last = await self.images.in_collection(
            collection.id,
            _shown_of(collection, is_own=owns(principal, collection.owner_id)),
            limit=query.limit,
            after=query.cursor,
        )
        base = base_of(request)
        shown = (ImageOut.of(image, self.presets, principal, base=base) for image in found)
        return page_response(request, Page[ImageOut], shown, cursor_text(last))

    async def put_in(self, request: Request) -> Response:
        """Put images into a collection, all or none; both must be the asker's own.

        An image that is in it already stays; one that is in another is a conflict.
        """
        collection, images = await self._named(request)
        for image in images:
            check_may_change(principal_of(request), image)
        ids = [image.id for image in images]
        await self.collections.put_in(collection.id, ids, now=self.clock())
        return Response(status_code=204)

    async def take_out(self, request: Request) -> Response:
        """Take images out of a collection, all or none; those not in it are passed over."""
        collection, images = await self._named(request)
        ids = [image.id for image in images]
        await self.collections.take_out(collection.id, ids, now=self.clock())
        return Response(status_code=204)

    async def _named(self, request: Request) -> tuple[Collection, list[Image]]:
        only_known(request, set())
        principal = principal_of(request)
        collection = await named_collection(self.collections, request)
        check_may_change(principal, collection)
        refs = await sent_json(request, ImageRefs)
        names = {f"data.{position}.id": ref.id for position, ref in enumerate(refs.data)}
        return collection, await named_images(self.images, names, principal)


def _shown_of(collection: Collection, *, is_own: bool) -> frozenset[Visibility]:
    if is_own:
        return frozenset(Visibility)
    if collection.visibility is Visibility.UNLISTED:
        return frozenset({Visibility.PUBLIC, Visibility.UNLISTED})
    return frozenset({Visibility.PUBLIC})
