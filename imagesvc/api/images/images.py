"""Images as JSON: list, show, delete, and their stored variants."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from imagesvc.api.images.cursors import list_key, position_text, read_position
from imagesvc.api.images.listing import CountedImagePage, ImagesQuery
from imagesvc.api.schemas import ImageOut, Purged, VariantOut
from imagesvc.auth.authenticator import principal_of
from imagesvc.auth.permissions import check_may_change, check_may_see
from imagesvc.auth.principals import Principal, Scope
from imagesvc.cache.variants import VariantCache
from imagesvc.errors import Forbidden, InvalidQuery, NotFound
from imagesvc.http.operations import Operation
from imagesvc.http.pages import Page, page_response
from imagesvc.http.requests import base_of, json_response, only_known, parsed_query
from imagesvc.http.versions import versioned
from imagesvc.library.remove import Removal
from imagesvc.model import CollectionId, Image, ImageId, parse_id
from imagesvc.store.collections import CollectionStore
from imagesvc.store.images import ImageStore
from imagesvc.store.search.listing import Total
from imagesvc.store.search.search import ImageSearch

TAG = "images"


@dataclass(frozen=True, slots=True)
class ImageEndpoints:
    """The operations on images; the fields are everything they may touch."""

    images: ImageStore
    collections: CollectionStore
    search: ImageSearch
    variants: VariantCache
    removal: Removal
    presets: Mapping[str, str]

    def operations(self) -> list[Operation]:
        """The operations this module serves; `app.py` concatenates them."""
        one = "/api/v1/images/{image_id}"
        return [
            Operation(
                "list_images", "GET", "/api/v1/images", self.page, {200: CountedImagePage}, TAG,
                scope=Scope.READ, query=ImagesQuery, errors=(InvalidQuery, Forbidden),
            ),
            Operation(
                "get_image", "GET", one, self.show, {200: ImageOut}, TAG,
                scope=Scope.READ, errors=(NotFound,),
            ),
            Operation(
                "delete_image", "DELETE", one, self.delete, {204: None}, TAG,
                scope=Scope.MANAGE, errors=(NotFound, Forbidden),
            ),
            Operation(
                "list_variants", "GET", f"{one}/variants", self.stored, {200: Page[VariantOut]},
                TAG, scope=Scope.READ, errors=(NotFound,),
            ),
            Operation(
                "purge_variants", "DELETE", f"{one}/variants", self.purge, {200: Purged}, TAG,
                scope=Scope.MANAGE, errors=(NotFound, Forbidden),
            ),
        ]  # fmt: skip

    async def page(self, request: Request) -> Response:
        """Images that the asker may see: all of them, or those a search finds.

        A page may have fewer images than `limit` while there is a next one: only a page without
        `next_cursor` is the last.
        """
        query = parsed_query(ImagesQuery, request)
        principal = principal_of(request)
        wanted, order = query.wanted(principal), query.listed()
        if not await self._is_there(wanted.collection_id, principal):
            return self._listed(request, (), None, Total(0, is_exact=True) if query.total else None)
        key = list_key(request)
        page = await self.search.page(
            wanted, order, limit=query.limit, after=read_position(query.cursor, key)
        )
        base = base_of(request)
        shown = (ImageOut.of(image, self.presets, principal, base=base) for image in page.images)
        total = await self.search.total(wanted, order) if query.total else None
        return self._listed(request, shown, position_text(page.next_after, key), total)

    def _listed(
        self, request: Request, shown: Iterable[ImageOut], cursor: str | None, total: Total | None
    ) -> Response:
        if total is None:
            return page_response(request, Page[ImageOut], shown, cursor)
        counted = {"total": total.count, "total_is_exact": total.is_exact}
        return page_response(request, CountedImagePage, shown, cursor, **counted)

    async def show(self, request: Request) -> Response:
        """One image with its metadata."""
        image = await self._seen(request)
        shown = ImageOut.of(image, self.presets, principal_of(request), base=base_of(request))
        return json_response(shown, headers=versioned(image.version))

    async def delete(self, request: Request) -> Response:
        """Delete an image with everything that was made of it."""
        image = await self._changeable(request)
        await self.removal.remove(image.id)
        return Response(status_code=204)

    async def stored(self, request: Request) -> Response:
        """The stored variants of an image, the most recently used first."""
        image = await self._seen(request)
        found = await self.variants.stored(image.id)
        base = base_of(request)
        shown = (
            VariantOut.of(item, image.id, in_memory=in_memory, base=base)
            for item, in_memory in found
        )
        return page_response(request, Page[VariantOut], shown, None)

    async def purge(self, request: Request) -> Response:
        """Remove the stored variants of an image; they are made anew when asked for."""
        image = await self._changeable(request)
        return json_response(Purged(deleted=await self.variants.purge(image.id)))

    async def _is_there(self, collection_id: CollectionId | None, asker: Principal) -> bool:
        """Whether the asker may filter by this collection, or by none at all."""
        if collection_id is None or asker.is_admin:
            return True
        with contextlib.suppress(NotFound):
            check_may_see(asker, await self.collections.get(collection_id))
            return True
        return False

    async def _seen(self, request: Request) -> Image:
        image = await self._named(request)
        check_may_see(principal_of(request), image)
        return image

    async def _changeable(self, request: Request) -> Image:
        image = await self._named(request)
        check_may_change(principal_of(request), image)
        return image

    async def _named(self, request: Request) -> Image:
        only_known(request, set())
        return await self.images.get(ImageId(parse_id(request.path_params["image_id"])))
