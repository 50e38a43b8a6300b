"""Images of shares: a few presets, and originals where a share allows their download."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import Response

from imagesvc.auth.visitors.visitors import Visitors
from imagesvc.cache.images import ImageCache
from imagesvc.delivery.originals import OriginalAnswers
from imagesvc.delivery.parameters import HEADERS
from imagesvc.delivery.query import Asked
from imagesvc.delivery.routes import ANSWERS
from imagesvc.delivery.variants import VariantAnswers
from imagesvc.errors import (
    NO_SUCH_ID,
    CorruptImage,
    Forbidden,
    Gone,
    ImageTooLarge,
    NotFound,
    PasswordRequired,
    PreconditionFailed,
    RangeNotSatisfiable,
    TimedOut,
    TooCostly,
    WorkerDied,
)
from imagesvc.http.calls import Call, Context
from imagesvc.http.models import LenientQuery
from imagesvc.http.operations import operation, with_subject
from imagesvc.imaging.messages import Withheld
from imagesvc.imaging.transforms.transform import parse
from imagesvc.model.ids import ImageId
from imagesvc.model.images import Image
from imagesvc.model.sharing import Share
from imagesvc.model.transforms import Transform
from imagesvc.store.sharing.contents import SharedImages

TAG = "sharing"
PRESETS = ("grid", "viewer", "thumbnail", "preview")
"""The presets that visitors may have, where the settings have them."""
MAX_AGE = 300
"""Seconds for which a browser keeps an image of a share without a password."""
ONE = "/s/{token}/i/{image_id}"
ERRORS = (
    NotFound, Gone, Forbidden, PasswordRequired, PreconditionFailed, RangeNotSatisfiable,
    CorruptImage, ImageTooLarge, TooCostly, TimedOut, WorkerDied,
)  # fmt: skip

Shown = tuple[Share, Image]


@dataclass(frozen=True, slots=True)
class SharedDelivery:
    """The routes that send image bytes to visitors; the fields are their dependencies.

    Their URLs are never answered by the hot path: each request looks up the share.
    """

    visitors: Visitors
    contents: SharedImages
    images: ImageCache
    originals: OriginalAnswers
    variants: VariantAnswers
    presets: Mapping[str, Transform]

    async def _shown(self, context: Context) -> Shown:
        """The share, and the image if it belongs to the share now.

        Raises:
            NotFound: it does not, or there is no such share or image.
        """
        share = await self.visitors.admit(context.request)
        image = await self.images.get(ImageId(context.id("image_id")))
        if not await self.contents.has(share, image):
            raise NotFound(NO_SUCH_ID)
        return share, image

    @operation(
        "get_shared_original", "GET", f"{ONE}/original", tag=TAG, query=LenientQuery,
        headers=HEADERS, answers=ANSWERS, errors=ERRORS,
    )  # fmt: skip
    @with_subject(_shown)
    async def original(self, call: Call[LenientQuery, None], shown: Shown) -> Response:
        """The original of an image of a share, to be saved, if the share allows downloads.

        Unless the share shows metadata, it has none but orientation and colour profile. It has the
        place where it was taken only if the image has `share_location`, too.

        Raises:
            NotFound: the share does not show this image, or does not allow downloads.
        """
        share, image = shown
        if not share.allow_download:
            raise NotFound("This link does not allow downloads.")
        response = await self.originals.send_to_visitor(
            call.request,
            image,
            _asked(download=True),
            withheld_from_visitors(share, image),
        )
        return _for_visitors(response, share, image)

    @operation(
        "get_shared_picture", "GET", f"{ONE}/{{preset}}", tag=TAG, query=LenientQuery,
        headers=HEADERS, answers=ANSWERS, errors=ERRORS,
    )  # fmt: skip
    @with_subject(_shown)
    async def picture(self, call: Call[LenientQuery, None], shown: Shown) -> Response:
        """A preset of an image of a share: `grid`, `viewer`, `thumbnail` or `preview`.

        Raises:
            NotFound: the share does not show this image, or the preset is another one.
        """
        share, image = shown
        name = call.request.path_params["preset"]
        if name not in PRESETS or name not in self.presets:
            raise NotFound("Links have no preset with this name.")
        transform = parse([("preset", name)], self.presets)
        response = await self.variants.send(call.request, image, transform, _asked())
        if not share.allow_download:
            response.headers["content-disposition"] = "inline"
        return _for_visitors(response, share, image)


def withheld_from_visitors(share: Share, image: Image) -> Withheld | None:
    """What originals of a share lack."""
    if not share.show_metadata:
        return Withheld.METADATA
    return None if image.share_location else Withheld.LOCATION


def _asked(*, download: bool = False) -> Asked:
    return Asked(transform=[], signature=None, is_shared=True, download=download, debug=False)


def _for_visitors(response: Response, share: Share, image: Image) -> Response:
    """The response with the header fields of pictures that only visitors of a share may have."""
    response.headers["cache-control"] = _cache_control(share, image)
    response.headers["cross-origin-resource-policy"] = "same-origin"
    response.headers["referrer-policy"] = "no-referrer"
    response.headers["x-robots-tag"] = "noindex"
    return response


def _cache_control(share: Share, image: Image) -> str:
    if share.password_hash is not None:
        return "private, no-store"
    ends = [end.timestamp() for end in (share.expires_at, image.expires_at) if end is not None]
    left = [int(end - time.time()) for end in ends]
    return f"private, max-age={max(0, min([MAX_AGE, *left]))}"
