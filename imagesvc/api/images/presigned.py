"""Presigned uploads: a URL that accepts one file without a credential, until it expires."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Literal
from urllib.parse import urlencode
from uuid import UUID

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from imagesvc.api.collections import check_may_fill
from imagesvc.api.images.uploads import UploadQuery
from imagesvc.api.schemas import ImageOut, Instant
from imagesvc.auth.principals import STRANGER, Scope
from imagesvc.auth.signing import Signer
from imagesvc.errors import (
    Conflict,
    CorruptImage,
    EmptyFile,
    FileTooLarge,
    Forbidden,
    ImageTooLarge,
    InsufficientStorage,
    NotFound,
    QuotaExceeded,
    SignatureInvalid,
    UnsupportedMediaType,
)
from imagesvc.http.bodies.content_type import ContentType
from imagesvc.http.bodies.fields import FIELD_NAMES, TextFields
from imagesvc.http.bodies.receiving import (
    StreamedBody,
    check_declared_length,
    declared_length,
)
from imagesvc.http.bodies.uploads import FILE
from imagesvc.http.bodies.whole_files import check_whole, explained
from imagesvc.http.calls import Call, Context
from imagesvc.http.models import Model
from imagesvc.http.operations import LOCATION, Answer, Grammar, operation, with_subject
from imagesvc.http.requests import invalid, json_response, query_values
from imagesvc.library.accept import Acceptor, UploadFields
from imagesvc.library.expiry import check_expiry
from imagesvc.model.formats import Format
from imagesvc.model.ids import CollectionId, ImageId, new_id, utc_now
from imagesvc.model.images import Image, Visibility
from imagesvc.model.uploads import PendingUpload
from imagesvc.store.collections import CollectionStore
from imagesvc.store.files.incoming import Incoming
from imagesvc.store.objects.incoming import IncomingObjects
from imagesvc.store.pending_uploads import PendingUploadStore, used_up

PATH = "/uploads/{upload_id}"
MEDIA_TYPES = tuple(item.media_type for item in Format)
DEFAULT_SECONDS, MAX_SECONDS = 900, 86_400
COMPLETION = timedelta(hours=1)
"""The time for a transfer to the bucket that began before the URL expired, and its completion."""
MADE = Answer(ImageOut, {**LOCATION, "ETag": "The SHA-256 of the bytes."})
REFUSALS = (
    SignatureInvalid, NotFound, Conflict, EmptyFile, FileTooLarge, CorruptImage,
    UnsupportedMediaType, ImageTooLarge, QuotaExceeded,
)  # fmt: skip
"""Of a file that was sent to an upload URL, or of the URL."""


class UploadUrlQuery(UploadQuery):
    """The expected file, and the metadata of the image."""

    content_type: str | None = None
    """The type that the file must have; any image type when absent."""
    max_bytes: Annotated[int, Field(ge=1)] | None = None
    """The setting `max_upload_size` when absent."""
    expires_in: Annotated[int, Field(ge=1, le=MAX_SECONDS)] = DEFAULT_SECONDS
    """Seconds until the URL is refused; `expires_at` is that of the image."""


class UploadUrl(Model):
    """The URL for one file, and how to send it."""

    id: UUID
    """The id that the image will have."""
    url: str
    method: Literal["PUT"]
    headers: dict[str, str]
    """The header fields to send, unchanged."""
    expires_at: Instant
    max_bytes: int
    complete_url: str | None
    """With `direct_uploads`: the URL to which a POST is sent when the file has been sent."""


@dataclass(frozen=True, slots=True)
class PresignedEndpoints:
    """The routes of presigned uploads; the fields are their dependencies."""

    pending_uploads: PendingUploadStore
    signer: Signer
    incoming: Incoming
    acceptor: Acceptor
    collections: CollectionStore
    presets: Mapping[str, str]
    max_upload_size: int
    default_visibility: Visibility
    direct: IncomingObjects | None
    """What takes the files of new URLs in place of this server."""
    clock: Callable[[], datetime] = utc_now

    @operation(
        "get_upload_url", "GET", "/api/v1/images/actions/upload-url", tag="images",
        scope=Scope.UPLOAD, query=UploadUrlQuery, answers={200: UploadUrl},
        errors=(Forbidden, QuotaExceeded, InsufficientStorage), is_change=True,
    )  # fmt: skip
    async def create_url(self, call: Call[UploadUrlQuery, None]) -> Response:
        """Make a URL that accepts one file, once, without a credential, as a new image."""
        query, principal = call.query, call.requester
        if query.content_type not in {None, *MEDIA_TYPES}:
            raise invalid("content_type", f"must be one of {', '.join(MEDIA_TYPES)}")
        if (query.max_bytes or 0) > self.max_upload_size:
            raise invalid("max_bytes", f"may be {self.max_upload_size}")
        if query.collection_id is not None:
            await check_may_fill(self.collections, CollectionId(query.collection_id), principal)
        await self.acceptor.check_room(principal.user_id, 0)
        now = self.clock().replace(microsecond=0)
        check_expiry(query.expires_at, now)
        pending = PendingUpload(
            id=ImageId(new_id()),
            owner_id=principal.user_id,
            filename=query.filename or "",
            content_type=query.content_type,
            max_bytes=query.max_bytes or self.max_upload_size,
            fields=_sent_fields(call.request),
            created_at=now,
            expires_at=now + timedelta(seconds=query.expires_in),
        )
        if self.direct is None:
            shown = _shown(pending, self._signed(call, pending))
        else:
            sent_until, expiry = pending.expires_at, timedelta(seconds=query.expires_in)
            pending = replace(pending, expires_at=sent_until + COMPLETION)
            shown = _shown(pending, await self.direct.url(pending.id, expiry)).model_copy(
                update={
                    "headers": self.direct.headers | _headers(pending),
                    "expires_at": sent_until,
                    "complete_url": self._signed(call, pending),
                }
            )
        await self.pending_uploads.add(pending)
        return json_response(shown)

    def _signed(self, context: Context, pending: PendingUpload) -> str:
        path = PATH.format(upload_id=pending.id)
        signed = self.signer.sign(path, [], expires_at=int(pending.expires_at.timestamp()))
        return f"{context.absolute_base}{path}?{urlencode(signed)}"

    async def _slot(self, context: Context) -> PendingUpload:
        """The pending upload that the path names.

        Raises:
            InvalidRequest, UnsupportedMediaType: the body is not a whole file.
            SignatureInvalid: the URL has no signature, or a wrong one, or has expired.
            NotFound, Conflict: there is no such upload, or it has been used.
        """
        check_whole(context.request)
        pending = await self.pending_uploads.find(signed_id(context, self.signer, self.clock()))
        if pending is None:
            raise used_up()
        return pending

    @operation(
        "put_upload", "PUT", PATH, tag="images", query=Grammar(), body=FILE,
        answers={201: MADE},
        errors=REFUSALS,
    )  # fmt: skip
    @with_subject(_slot)
    async def put(self, call: Call[None, StreamedBody], pending: PendingUpload) -> Response:
        """Accept the file of a presigned upload; the URL can be used until an image is made."""
        request = call.request
        if pending.content_type not in {None, ContentType.of(request).media_type}:
            raise UnsupportedMediaType(f"The upload must be {pending.content_type}.")
        check_declared_length(request, pending.max_bytes)
        await self.acceptor.check_room(pending.owner_id, declared_length(request))
        fields = fields_of(pending, self.default_visibility)
        async with self.incoming.receive(max_bytes=pending.max_bytes) as file:
            async for piece in call.body.pieces():
                await file.write(piece)
            with explained(request, call.body):
                image = await self.acceptor.accept(await file.finish(), fields)
        return answer_with(image, self.presets, call)


def signed_id(context: Context, signer: Signer, now: datetime) -> ImageId:
    """The id in the path, which a signature permits to use.

    Raises:
        SignatureInvalid: the URL has no signature, or a wrong one, or has expired.
    """
    image_id = ImageId(context.id("upload_id"))
    pairs = context.request.query_params.multi_items()
    held = signer.verify(PATH.format(upload_id=image_id), pairs, now=now.timestamp())
    if held is None or held.expires_at is None:
        raise SignatureInvalid("An upload URL has a signature that expires.")
    return image_id


def fields_of(pending: PendingUpload, default: Visibility) -> UploadFields:
    """The metadata with which a file is accepted as the image of a pending upload."""
    fields = TextFields().with_parts(pending.fields).upload_fields(default, pending.owner_id)
    return replace(fields, filename=pending.filename, pending=pending)


def answer_with(
    image: Image, presets: Mapping[str, str], context: Context, status: int = 201
) -> Response:
    """The response to those who have the URL, with the image that was made."""
    headers = {
        "location": f"{context.absolute_base}/api/v1/images/{image.id}",
        "etag": f'"{image.original.digest}"',  # S3 clients need it
    }
    return json_response(ImageOut.of(image, presets, STRANGER, base=context.base), status, headers)


def _shown(pending: PendingUpload, url: str) -> UploadUrl:
    return UploadUrl(
        id=pending.id,
        url=url,
        method="PUT",
        headers=_headers(pending),
        expires_at=pending.expires_at,
        max_bytes=pending.max_bytes,
        complete_url=None,
    )


def _headers(pending: PendingUpload) -> dict[str, str]:
    return {} if pending.content_type is None else {"content-type": pending.content_type}


def _sent_fields(request: Request) -> dict[str, str]:
    """The metadata in the query, which is read again when the file has arrived.

    `expires_in` is not the image's: it is that of the URL.
    """
    values = query_values(request, UploadUrlQuery)
    return {name: values[name] for name in FIELD_NAMES - {"expires_in"} if name in values}
