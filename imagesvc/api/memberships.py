"""The images of a collection: list, add and remove them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field
from starlette.responses import Response

from imagesvc.api.collections import ONE, TAG, changeable_collection, visible_collection
from imagesvc.api.images.named import named_images
from imagesvc.api.schemas import ImageOut
from imagesvc.auth.permissions import check_may_change, owns
from imagesvc.auth.principals import Scope
from imagesvc.errors import Conflict, Forbidden, NotFound, UnsupportedMediaType
from imagesvc.http.bodies.json_bodies import Json
from imagesvc.http.calls import Call, Context
from imagesvc.http.models import Sent
from imagesvc.http.operations import operation, with_subject
from imagesvc.http.pages import Page, PageQuery, cursor_text, page_of, page_response
from imagesvc.model.ids import utc_now
from imagesvc.model.images import Collection, Image, Visibility
from imagesvc.store.collections import CollectionStore
from imagesvc.store.images import ImageStore

MEMBERS = f"{ONE}/relationships/images"
MAX_IMAGES = 200


class ImageRef(Sent):
    """The image."""

    type: Literal["images"]
    id: str


class ImageRefs(Sent):
    """The images."""

    data: Annotated[list[ImageRef], Field(min_length=1, max_length=MAX_IMAGES)]


class AddedImages(ImageRefs):
    """The images to add."""

    move: bool = False
    """Whether images leave another collection for this one; else they are a conflict."""


@dataclass(frozen=True, slots=True)
class MembershipEndpoints:
    """The operations on the images of collections; the fields are their dependencies."""

    collections: CollectionStore
    images: ImageStore
    presets: Mapping[str, str]
    clock: Callable[[], datetime] = utc_now

    async def _visible(self, context: Context) -> Collection:
        return await visible_collection(self.collections, context)

    async def _changeable(self, context: Context) -> Collection:
        return await changeable_collection(self.collections, context)

    @operation(
        "list_collection_images", "GET", MEMBERS, tag=TAG, scope=Scope.READ, query=PageQuery,
        answers={200: page_of(Page[ImageOut])}, errors=(NotFound,),
    )  # fmt: skip
    @with_subject(_visible)
    async def page(self, call: Call[PageQuery, None], collection: Collection) -> Response:
        """The images of a collection, the newest first.

        Other users see only its public images, and the unlisted ones if the collection is unlisted.
        """
        requester = call.requester
        found, last = await self.images.in_collection(
            collection.id,
            _shown_of(collection, is_own=owns(requester, collection.owner_id)),
            limit=call.query.limit,
            after=call.query.cursor,
        )
        shown = (ImageOut.of(image, self.presets, requester, base=call.base) for image in found)
        return page_response(call, Page[ImageOut], shown, cursor_text(last))

    @operation(
        "add_collection_images", "POST", MEMBERS, tag=TAG, scope=Scope.MANAGE,
        body=Json(AddedImages), answers={204: None},
        errors=(NotFound, Forbidden, UnsupportedMediaType, Conflict),
    )  # fmt: skip
    @with_subject(_changeable)
    async def add(self, call: Call[None, AddedImages], collection: Collection) -> Response:
        """Add images to a collection, all or none; both must belong to the requester.

        An image that is already in it stays; an image in another collection is a conflict, or
        leaves that collection with `move`.
        """
        images = await self._named(call)
        for image in images:
            check_may_change(call.requester, image)
        ids = [image.id for image in images]
        await self.collections.put_in(
            collection.id, ids, leaves_others=call.body.move, now=self.clock()
        )
        return Response(status_code=204)

    @operation(
        "remove_collection_images", "DELETE", MEMBERS, tag=TAG, scope=Scope.MANAGE,
        body=Json(ImageRefs), answers={204: None},
        errors=(NotFound, Forbidden, UnsupportedMediaType),
    )  # fmt: skip
    @with_subject(_changeable)
    async def remove(self, call: Call[None, ImageRefs], collection: Collection) -> Response:
        """Remove images from a collection, all or none; images that are not in it are ignored."""
        ids = [image.id for image in await self._named(call)]
        await self.collections.take_out(collection.id, ids, now=self.clock())
        return Response(status_code=204)

    async def _named(self, call: Call[None, ImageRefs] | Call[None, AddedImages]) -> list[Image]:
        """The images that the body names, if the requester may see all of them."""
        names = {f"data.{position}.id": ref.id for position, ref in enumerate(call.body.data)}
        return await named_images(self.images, names, call.requester)


def _shown_of(collection: Collection, *, is_own: bool) -> frozenset[Visibility]:
    if is_own:
        return frozenset(Visibility)
    if collection.visibility is Visibility.UNLISTED:
        return frozenset({Visibility.PUBLIC, Visibility.UNLISTED})
    return frozenset({Visibility.PUBLIC})
