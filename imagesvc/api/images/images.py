"""Images as JSON: list, show, delete, and their stored variants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from starlette.responses import Response

from imagesvc.api.images.cursors import list_key, position_text, read_position
from imagesvc.api.images.listing import CountedImagePage, ImagesQuery
from imagesvc.api.images.named import changeable_image, may_filter_by, visible_image
from imagesvc.api.schemas import ImageOut, Purged, VariantOut
from imagesvc.auth.principals import Scope
from imagesvc.cache.variants import VariantCache
from imagesvc.errors import Forbidden, InvalidQuery, NotFound
from imagesvc.http.calls import Call, Context
from imagesvc.http.operations import EDIT_VERSION, Answer, operation, with_subject
from imagesvc.http.pages import Page, page_of, page_response
from imagesvc.http.requests import json_response
from imagesvc.http.versions import versioned
from imagesvc.library.housekeeping.purge import VariantPurge
from imagesvc.library.remove import Removal
from imagesvc.model.images import Image
from imagesvc.store.collections import CollectionStore
from imagesvc.store.images import ImageStore
from imagesvc.store.search.listing import Total
from imagesvc.store.search.search import ImageSearch

TAG = "images"
EVERY = "/api/v1/images"
ONE = f"{EVERY}/{{image_id}}"
VARIANTS = f"{ONE}/variants"


@dataclass(frozen=True, slots=True)
class ImageEndpoints:
    """The operations on images; the fields are their dependencies."""

    images: ImageStore
    collections: CollectionStore
    search: ImageSearch
    variants: VariantCache
    purges: VariantPurge
    removal: Removal
    presets: Mapping[str, str]

    async def _visible(self, context: Context) -> Image:
        return await visible_image(self.images, context)

    async def _changeable(self, context: Context) -> Image:
        return await changeable_image(self.images, context)

    @operation(
        "list_images", "GET", EVERY, tag=TAG, scope=Scope.READ, query=ImagesQuery,
        answers={200: page_of(CountedImagePage)}, errors=(InvalidQuery, Forbidden),
    )  # fmt: skip
    async def page(self, call: Call[ImagesQuery, None]) -> Response:
        """Images that the requester may see: all of them, or those a search finds.

        A page may have fewer images than `limit` while there is a next one: only a page without
        `next_cursor` is the last.
        """
        query, requester = call.query, call.requester
        wanted, order = query.wanted(requester), query.listed()
        if not await may_filter_by(self.collections, wanted.collection_id, requester):
            return _listed(call, (), None, Total(0, is_exact=True) if query.total else None)
        key = list_key(call.request)
        page = await self.search.page(
            wanted, order, limit=query.limit, after=read_position(query.cursor, key)
        )
        shown = (
            ImageOut.of(image, self.presets, requester, base=call.base) for image in page.images
        )
        total = await self.search.total(wanted, order) if query.total else None
        return _listed(call, shown, position_text(page.next_after, key), total)

    @operation(
        "get_image", "GET", ONE, tag=TAG, scope=Scope.READ,
        answers={200: Answer(ImageOut, EDIT_VERSION)}, errors=(NotFound,),
    )  # fmt: skip
    @with_subject(_visible)
    async def show(self, call: Call[None, None], image: Image) -> Response:
        """One image with its metadata."""
        shown = ImageOut.of(image, self.presets, call.requester, base=call.base)
        return json_response(shown, headers=versioned(image.version))

    @operation(
        "delete_image", "DELETE", ONE, tag=TAG, scope=Scope.MANAGE,
        answers={204: None}, errors=(NotFound, Forbidden),
    )  # fmt: skip
    @with_subject(_changeable)
    async def delete(self, _call: Call[None, None], image: Image) -> Response:
        """Delete an image with all its variants and jobs."""
        await self.removal.remove(image.id)
        return Response(status_code=204)

    @operation(
        "list_variants", "GET", VARIANTS, tag=TAG, scope=Scope.READ,
        answers={200: page_of(Page[VariantOut])}, errors=(NotFound,),
    )  # fmt: skip
    @with_subject(_visible)
    async def stored(self, call: Call[None, None], image: Image) -> Response:
        """The stored variants of an image, the most recently used first."""
        found = await self.variants.stored(image.id)
        shown = (
            VariantOut.of(item, image.id, in_memory=in_memory, base=call.base)
            for item, in_memory in found
        )
        return page_response(call, Page[VariantOut], shown, None)

    @operation(
        "purge_variants", "DELETE", VARIANTS, tag=TAG, scope=Scope.MANAGE,
        answers={200: Purged}, errors=(NotFound, Forbidden),
    )  # fmt: skip
    @with_subject(_changeable)
    async def purge(self, _call: Call[None, None], image: Image) -> Response:
        """Remove the stored variants of an image; they are made again when requested."""
        return json_response(Purged(deleted=await self.purges.purge([image.id])))


def _listed(
    context: Context, shown: Iterable[ImageOut], cursor: str | None, total: Total | None
) -> Response:
    if total is None:
        return page_response(context, Page[ImageOut], shown, cursor)
    counted = {"total": total.count, "total_is_exact": total.is_exact}
    return page_response(context, CountedImagePage, shown, cursor, **counted)
