"""Responses to requests for originals: the stored file, or a copy that lacks something."""

from __future__ import annotations

import contextlib
import functools
import time
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from imagesvc.cache.copies import Copy, OriginalCopies, full_size
from imagesvc.delivery.access import Access
from imagesvc.delivery.bodies import by_proxy, fetched_body, is_fresh, not_modified, streamed
from imagesvc.delivery.headers import CREDENTIALS, Representation, image_headers, server_timing
from imagesvc.delivery.query import Asked
from imagesvc.delivery.redirects import Redirects
from imagesvc.delivery.rules import DeliveryRules
from imagesvc.delivery.variants import FETCH_ATTEMPTS, VariantAnswers, evicted
from imagesvc.errors import NotFound
from imagesvc.imaging.messages import Removal, Withheld
from imagesvc.model.images import Image
from imagesvc.store.files.blobs import BlobStore
from imagesvc.store.files.verified import VerifiedBlobs


@dataclass(frozen=True, slots=True)
class OriginalAnswers:
    """Sends originals; the fields are its dependencies.

    With accounts, owner and admins get the stored bytes; others get them without the location,
    unless the image has `share_location`.
    """

    blobs: BlobStore
    verified: VerifiedBlobs
    copies: OriginalCopies
    variants: VariantAnswers
    access: Access
    rules: DeliveryRules
    redirects: Redirects

    async def send(self, request: Request, image: Image, asked: Asked) -> Response:
        """The original as the requester may have it.

        Raises:
            NotFound: it was deleted meanwhile.
            ImagesvcError: as `OriginalCopies.fetch`.
        """
        if not self.access.has_accounts or image.share_location:
            return await self._stored(request, image, asked)
        if await self.access.may_have_location(request, image):
            return await self._stored(request, image, asked, vary=CREDENTIALS, is_for_owner=True)
        return await self._to_stranger(request, image, asked, Withheld.LOCATION)

    async def send_to_visitor(
        self, request: Request, image: Image, asked: Asked, withheld: Withheld | None
    ) -> Response:
        """The original for a visitor of a share, without what is withheld.

        Raises:
            NotFound, ImagesvcError: as `send`.
        """
        if withheld is None:
            return await self._stored(request, image, asked)
        return await self._to_stranger(request, image, asked, withheld)

    async def _to_stranger(
        self, request: Request, image: Image, asked: Asked, withheld: Withheld
    ) -> Response:
        admit, _ = await self.access.render_check(request, asked)
        for _ in range(FETCH_ATTEMPTS):
            with self.access.images.reread_if_lost(image.id):
                copy = await self.copies.fetch(image, withheld, admit)
            image = await self.access.find_again(request, asked, image)
            with contextlib.suppress(FileNotFoundError):  # evicted since it was fetched
                return await self._copied(request, image, asked, copy)
        raise evicted()

    async def _copied(self, request: Request, image: Image, asked: Asked, copy: Copy) -> Response:
        began = time.perf_counter()
        if copy.removal is Removal.NOTHING:
            return await self._stored(request, image, asked, vary=CREDENTIALS)
        if copy.removal is Removal.UNCLEAR:
            transform = full_size(image.original)
            return await self.variants.send_as_original(request, image, transform, asked)
        etag = f'"{copy.fetched.variant.key[:32]}"'
        shown = Representation(image.original.format, etag, CREDENTIALS)
        headers = image_headers(image, shown, asked, self.rules)
        if is_fresh(request, headers):
            return not_modified(headers)
        headers["server-timing"] = server_timing(copy.fetched, began)
        return await fetched_body(request, headers, copy.fetched, self.rules.sendfile)

    async def _stored(
        self,
        request: Request,
        image: Image,
        asked: Asked,
        *,
        vary: str = "",
        is_for_owner: bool = False,
    ) -> Response:
        original, name = image.original, image.original.name
        shown = Representation(original.format, f'"{original.digest}"', vary, is_for_owner)
        headers = image_headers(image, shown, asked, self.rules)
        if is_fresh(request, headers):
            return not_modified(headers)
        if redirected := await self.redirects.to_original(request, image, headers, asked):
            return redirected
        with self.access.images.reread_if_lost(image.id):
            if await self.verified.size(name) is None:
                raise NotFound("The original is missing.")
        sent = by_proxy(headers, self.blobs.path(name), self.rules.sendfile)
        return sent or await streamed(
            request, headers, image.bytes, functools.partial(self.blobs.stream, name)
        )
