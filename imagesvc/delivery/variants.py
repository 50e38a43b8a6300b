"""Answers to requests for variants: negotiated, validated, fetched and sent."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope as AsgiScope

from imagesvc.cache.content import Fetched, StoredVariant
from imagesvc.cache.identity import VariantRequest
from imagesvc.cache.images import ImageCache
from imagesvc.cache.memory import Entry
from imagesvc.cache.variants import VariantCache
from imagesvc.delivery.access import Access
from imagesvc.delivery.bodies import fetched_body, is_fresh, not_modified
from imagesvc.delivery.headers import (
    CREDENTIALS,
    Headers,
    Representation,
    image_headers,
    server_timing,
)
from imagesvc.delivery.hot import RawHeaders
from imagesvc.delivery.leaving import ClientLeft, unless_client_leaves
from imagesvc.delivery.negotiation import Accepted, negotiate
from imagesvc.delivery.presets.browser_caching import BrowserCaching
from imagesvc.delivery.query import Asked
from imagesvc.delivery.redirects import Redirects
from imagesvc.delivery.rules import DeliveryRules
from imagesvc.errors import NotFound, Unavailable
from imagesvc.http.problems import CLIENT_LEFT
from imagesvc.imaging.transforms.effective import with_format
from imagesvc.imaging.transforms.geometry import plan, predicted_size
from imagesvc.model.ids import ImageId
from imagesvc.model.images import Image, Visibility
from imagesvc.model.noted import CacheTier, noted_in
from imagesvc.model.transforms import Transform
from imagesvc.syntax.header_fields import joined_field

FETCH_ATTEMPTS = 3
Remember = Callable[[AsgiScope, ImageId, Entry, RawHeaders], None]
"""Answers equal requests with the entry from then on; `HotPath.remember` does."""


@dataclass(frozen=True, slots=True)
class VariantAnswers:
    """Sends variants; the fields are its dependencies."""

    images: ImageCache
    variants: VariantCache
    access: Access
    rules: DeliveryRules
    remember: Remember
    caching: BrowserCaching
    redirects: Redirects

    async def send(
        self, request: Request, image: Image, transform: Transform, asked: Asked
    ) -> Response:
        """The variant that a URL names.

        Raises:
            InvalidTransform: this original has no such variant.
            ImagesvcError: as `VariantCache.fetch`.
        """
        wanted, vary = self._identified(request, image, transform)
        response, fetched = await self._response(request, image, wanted, asked, vary)
        if fetched is not None:
            self._remember(request, image, asked, fetched, response)
        return response

    async def send_as_original(
        self, request: Request, image: Image, transform: Transform, asked: Asked
    ) -> Response:
        """A variant instead of the original; the owner gets different bytes at the same URL."""
        wanted = self.variants.identities.identify(image.id, image.original, transform)
        response, _ = await self._response(request, image, wanted, asked, CREDENTIALS)
        return response

    def _identified(
        self, request: Request, image: Image, transform: Transform
    ) -> tuple[VariantRequest, str]:
        """Which variant suits a request, and the request fields that chose it."""
        identify, original = self.variants.identities.identify, image.original
        if not transform.auto:
            return identify(image.id, original, transform), ""
        geometry = plan(transform, original.width, original.height)
        best = negotiate(
            Accepted.of(joined_field(request.headers.raw, b"accept")),
            original,
            predicted_size(transform, geometry),
            preferred=self.rules.auto_formats,
            max_avif_pixels=self.rules.avif_max_pixels,
        )
        return identify(image.id, original, with_format(transform, best), geometry), "Accept"

    async def _response(
        self, request: Request, image: Image, wanted: VariantRequest, asked: Asked, vary: str
    ) -> tuple[Response, Fetched | None]:
        """The answer, and the variant unless the answer goes without it."""
        began = time.perf_counter()
        kind = wanted.plan.transform.format
        if kind is None:
            raise NotFound("This image has no format to show.")
        shown = Representation(kind, f'"{wanted.key[:32]}"', vary)
        headers = self._headers(request, image, shown, asked, wanted)
        if is_fresh(request, headers):
            return not_modified(headers), None
        for _ in range(FETCH_ATTEMPTS):
            try:
                fetched = await self._fetched(request, wanted, asked)
            except ClientLeft:
                return Response(status_code=CLIENT_LEFT), None
            noted_in(request.scope).cache = _tier_of(fetched, wanted)
            if fetched.tier != "memory":  # it took a while
                current = await self.access.find_again(request, asked, image)
                headers = self._headers(request, current, shown, asked, wanted)
            headers["server-timing"] = server_timing(fetched, began)
            with contextlib.suppress(FileNotFoundError):  # evicted since it was fetched
                return await self._sent(request, image, headers, asked, fetched), fetched
        raise evicted()

    async def _sent(
        self, request: Request, image: Image, headers: Headers, asked: Asked, fetched: Fetched
    ) -> Response:
        content, redirected = fetched.content, None
        if isinstance(content, StoredVariant):
            redirected = await self.redirects.to_variant(request, image, headers, asked, content)
        return redirected or await fetched_body(request, headers, fetched, self.rules.sendfile)

    def _headers(
        self,
        request: Request,
        image: Image,
        shown: Representation,
        asked: Asked,
        wanted: VariantRequest,
    ) -> Headers:
        headers = image_headers(image, shown, asked, self.rules)
        headers = self.caching.applied_to(headers, request, image, asked)
        if asked.debug and self.rules.allow_debug:
            headers["x-imagesvc-plan"] = wanted.text
        return headers

    async def _fetched(self, request: Request, wanted: VariantRequest, asked: Asked) -> Fetched:
        """The variant, while the client waits for it.

        Raises:
            ClientLeft: the client closed its connection.
        """
        found = self.variants.find_in_memory(wanted.key)
        if found is not None:
            return found
        admit, requester = await self.access.render_check(request, asked)
        work = self.variants.fetch(wanted, admit, requester)
        with self.images.reread_if_lost(wanted.image_id):
            return await unless_client_leaves(request.receive, work)

    def _remember(
        self, request: Request, image: Image, asked: Asked, fetched: Fetched, response: Response
    ) -> None:
        """Let equal requests be answered from memory, if the response is for everyone."""
        content = fetched.content
        if (
            isinstance(content, StoredVariant)
            or response.status_code != 200  # noqa: PLR2004  # a range is not the whole
            or image.shown_as is Visibility.PRIVATE
            or asked.is_shared
            or not self.images.holds(image)
        ):
            return
        headers = [
            (name, b"cache;desc=memory" if name == b"server-timing" else value)
            for name, value in response.raw_headers
        ]
        self.remember(request.scope, image.id, content, headers)


def _tier_of(fetched: Fetched, wanted: VariantRequest) -> CacheTier:
    """Where a variant comes from; of a rendering also what it was made from."""
    tier = CacheTier(fetched.tier)
    is_reduced = tier is CacheTier.RENDERED and wanted.plan.is_reduced
    return CacheTier.MEZZANINE if is_reduced else tier


def evicted() -> Unavailable:
    """The error of a variant whose file was removed each time before it could be sent."""
    return Unavailable("The image was evicted before it could be sent; try again soon.")
