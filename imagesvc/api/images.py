"""Images as JSON: list, show, delete, and their stored variants."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from imagesvc.api.http import (
    cursor_of,
    cursor_text,
    json_response,
    limit_of,
    next_link,
    only_known,
)
from imagesvc.api.schemas import ImageOut, Page, Purged, VariantOut
from imagesvc.cache.removal import Removal
from imagesvc.cache.variants import VariantCache
from imagesvc.model import ImageId, parse_id
from imagesvc.store.images import ImageStore


@dataclass(frozen=True, slots=True)
class ImageEndpoints:
    """The routes about images; the fields are everything they may touch."""

    images: ImageStore
    variants: VariantCache
    removal: Removal
    presets: frozenset[str]

    def routes(self) -> list[Route]:
        """The routes this module serves; `app.py` concatenates them."""
        one = "/api/v1/images/{image_id}"
        return [
            Route("/api/v1/images", self.page, methods=["GET"]),
            Route(one, self.show, methods=["GET"]),
            Route(one, self.delete, methods=["DELETE"]),
            Route(f"{one}/variants", self.stored, methods=["GET"]),
            Route(f"{one}/variants", self.purge, methods=["DELETE"]),
        ]

    async def page(self, request: Request) -> Response:
        """Images, the newest first."""
        only_known(request, {"limit", "cursor"})
        after = cursor_of(request)
        page = await self.images.page(
            limit=limit_of(request), after=None if after is None else ImageId(after)
        )
        cursor = cursor_text(page.next_after)
        data = [ImageOut.of(image, self.presets) for image in page.images]
        return json_response(
            Page[ImageOut](data=data, next_cursor=cursor), headers=next_link(request, cursor)
        )

    async def show(self, request: Request) -> Response:
        """One image."""
        image = await self.images.get(_id_of(request))
        return json_response(ImageOut.of(image, self.presets))

    async def delete(self, request: Request) -> Response:
        """Delete an image with everything that was made of it."""
        await self.removal.remove(_id_of(request))
        return Response(status_code=204)

    async def stored(self, request: Request) -> Response:
        """The stored variants of an image, the most recently used first."""
        image = await self.images.get(_id_of(request))
        found = await self.variants.stored(image.original)
        data = [VariantOut.of(item, image.id, in_memory=in_memory) for item, in_memory in found]
        return json_response(Page[VariantOut](data=data, next_cursor=None))

    async def purge(self, request: Request) -> Response:
        """Remove the stored variants of an image; they are made anew when asked for."""
        image = await self.images.get(_id_of(request))
        return json_response(Purged(deleted=await self.variants.purge(image.original)))


def _id_of(request: Request) -> ImageId:
    return ImageId(parse_id(request.path_params["image_id"]))
