"""Redirects to the bucket, which sends the bytes of large pictures in place of the server."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from imagesvc.cache.content import StoredVariant
from imagesvc.delivery.headers import PRIVATE, Headers
from imagesvc.delivery.query import Asked
from imagesvc.model.formats import Format
from imagesvc.model.images import Image
from imagesvc.store.objects.links import LEAST_SECONDS, DownloadLinks

HARMLESS = frozenset(
    {item.media_type for item in (Format.JPEG, Format.PNG, Format.WEBP, Format.AVIF, Format.GIF)}
)
"""Types that browsers show as pictures, also without the header fields that S3 cannot send."""
KEPT = (
    "content-security-policy", "cross-origin-resource-policy", "referrer-policy",
    "x-content-type-options", "vary",
)  # fmt: skip
UNSUITABLE = frozenset({
    "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range",
    "origin", "x-api-key",
})  # fmt: skip
"""Fields of requests that are not redirected. A client sends them to the bucket, too, which has
other entity tags, perhaps no rule for the origin, and no business with keys.
"""


@dataclass(frozen=True, slots=True)
class Redirects:
    """Decides which requests are redirected, and where to; without links, none."""

    links: DownloadLinks | None

    async def to_original(
        self, request: Request, image: Image, headers: Headers, asked: Asked
    ) -> Response | None:
        """The redirect to the stored original; None if this server sends it."""
        if self.links is None or not _may_redirect(request, image, headers, asked):
            return None
        return _redirect(
            headers, await self.links.original(image.original.name, _of_bucket(headers))
        )

    async def to_variant(
        self, request: Request, image: Image, headers: Headers, asked: Asked, stored: StoredVariant
    ) -> Response | None:
        """The redirect to a variant that is too large for memory; None if this server sends it."""
        if self.links is None or not _may_redirect(request, image, headers, asked):
            return None
        return _redirect(headers, await self.links.variant(stored.variant.key, _of_bucket(headers)))


def _may_redirect(request: Request, image: Image, headers: Headers, asked: Asked) -> bool:
    """Whether the bucket may answer.

    A URL of the bucket outlives what permits the request by some minutes. Therefore URLs that
    end, and images that end, are not redirected.
    """
    return (
        request.method == "GET"
        and headers["content-type"] in HARMLESS
        and asked.signature is None
        and not asked.is_shared
        and image.expires_at is None
        and not image.is_trashed
        and UNSUITABLE.isdisjoint(request.headers)
        and not _is_for_own_page(request)
    )


def _is_for_own_page(request: Request) -> bool:
    """Whether a page of the gallery may show the picture, whose policy forbids other hosts.

    Browsers do not send Sec-Fetch-Site to a host without TLS: then no picture of any page is
    redirected.
    """
    fields = request.headers
    site, mode = fields.get("sec-fetch-site"), fields.get("sec-fetch-mode")
    if site is None:
        return "referer" in fields or fields.get("accept", "").startswith("image/")
    return site == "same-origin" and mode != "navigate"


def _of_bucket(headers: Headers) -> Headers:
    return {**headers, "cache-control": _cache_control(headers)}


def _redirect(headers: Headers, url: str) -> Response:
    kept = {name: headers[name] for name in KEPT if name in headers}
    return Response(
        status_code=307,
        headers={**kept, "location": url, "cache-control": _cache_control(headers)},
    )


def _cache_control(headers: Headers) -> str:
    """Shared caches keep neither the redirect nor what the bucket sends."""
    given = headers["cache-control"]
    if given == PRIVATE:
        return PRIVATE
    return f"private, max-age={0 if 'max-age=0' in given else LEAST_SECONDS // 2}"
