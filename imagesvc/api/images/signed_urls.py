"""Signed URLs of one image, which show it without a credential until they expire."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from urllib.parse import parse_qsl, urlencode

from pydantic import Field
from starlette.responses import Response

from imagesvc.api.images.named import changeable_image
from imagesvc.api.schemas import Instant
from imagesvc.api.transforms import OperationIn, for_each_operation, read_operation
from imagesvc.auth.principals import Scope
from imagesvc.auth.signing import Signer
from imagesvc.errors import Forbidden, InvalidTransform, NotFound, UnsupportedMediaType
from imagesvc.http.bodies.json_bodies import Json
from imagesvc.http.calls import Call
from imagesvc.http.models import WHOLE, Model, Sent
from imagesvc.http.operations import operation
from imagesvc.http.requests import invalid, json_response
from imagesvc.imaging.transforms.transform import canonical
from imagesvc.model.ids import ImageId, utc_now
from imagesvc.model.transforms import Transform
from imagesvc.store.images import ImageStore

MAX_URLS = 20
DEFAULT_SECONDS = 3600
ORIGINAL = "original"


class SignedUrlsIn(Sent, title="SignedUrlsRequest"):
    """The pictures of the image to sign URLs for, and the lifetime of the URLs."""

    operations: list[OperationIn] = Field([ORIGINAL], min_length=1, max_length=MAX_URLS)
    """`original`, the names of presets, or transforms as for `process`."""
    expires_in: Annotated[int, Field(ge=1), WHOLE] | None = None
    """Seconds, up to `signed_url_max_lifetime` of the settings; an hour when absent."""
    download: bool = False
    """Whether browsers save the picture instead of showing it."""


class SignedUrl(Model):
    """A URL that shows a picture without a credential."""

    operation: Any
    """The operation as it was requested."""
    url: str
    """The URL, for example for an `<img>`; a changed URL is refused."""


class SignedUrls(Model):
    """A URL for each operation, in order."""

    expires_at: Instant
    data: list[SignedUrl]


@dataclass(frozen=True, slots=True)
class SignedUrlEndpoints:
    """The operation that signs URLs; the fields are its dependencies."""

    images: ImageStore
    signer: Signer
    presets: Mapping[str, Transform]
    max_seconds: int
    clock: Callable[[], datetime] = utc_now

    @operation(
        "sign_urls", "POST", "/api/v1/images/{image_id}/signed-urls", tag="images",
        scope=Scope.READ, body=Json(SignedUrlsIn), answers={200: SignedUrls},
        errors=(NotFound, Forbidden, InvalidTransform, UnsupportedMediaType),
    )  # fmt: skip
    async def sign(self, call: Call[None, SignedUrlsIn]) -> Response:
        """Sign URLs that show the requester's image to everyone who has them, until they expire.

        They stay valid when the credential or the image's visibility changes meanwhile.

        Raises:
            NotFound: the image does not exist for this requester.
            Forbidden: it belongs to another user.
            InvalidTransform: an operation is invalid.
        """
        asked = call.body
        image = await changeable_image(self.images, call)
        places = for_each_operation(asked.operations, lambda one: self._place(image.id, one))
        expires_at = self._end(asked.expires_in)
        more = [("download", "1")] if asked.download else []
        urls = (
            f"{call.absolute_base}{path}?"
            + urlencode(
                self.signer.sign(path, [*pairs, *more], expires_at=int(expires_at.timestamp()))
            )
            for path, pairs in places
        )
        data = [
            SignedUrl(operation=operation, url=url)
            for operation, url in zip(asked.operations, urls, strict=True)
        ]
        return json_response(SignedUrls(expires_at=expires_at, data=data))

    def _place(self, image_id: ImageId, operation: object) -> tuple[str, list[tuple[str, str]]]:
        """Path and parameters of a picture."""
        path = f"/images/{image_id}"
        if operation == ORIGINAL:
            return path, []
        name, transform = read_operation(operation, self.presets)
        if name is not None:
            return f"{path}/{name}", []
        return path, parse_qsl(canonical(transform))

    def _end(self, seconds: int | None) -> datetime:
        """The expiry of URLs with this lifetime.

        Raises:
            InvalidRequest: it is longer than the settings allow.
        """
        if seconds is None:
            seconds = min(DEFAULT_SECONDS, self.max_seconds)
        if seconds > self.max_seconds:
            raise invalid("expires_in", f"may be {self.max_seconds} seconds")
        return self.clock().replace(microsecond=0) + timedelta(seconds=seconds)
