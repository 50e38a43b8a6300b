"""Presigned uploads: a URL that takes one file without a credential, until it expires."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Literal
from urllib.parse import urlencode
from uuid import UUID

from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from imagesvc.api.collections import check_may_fill
from imagesvc.api.images.uploads import UploadQuery
from imagesvc.api.schemas import ImageOut, Instant
from imagesvc.auth.authenticator import principal_of
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
from imagesvc.http.bodies.json_bodies import media_type_of
from imagesvc.http.bodies.receiving import (
    StreamedBody,
    check_declared_length,
    declared_length,
    heard_out,
)
from imagesvc.http.bodies.uploads import FIELDS, FILE, read_fields
from imagesvc.http.bodies.whole_files import check_whole, explained
from imagesvc.http.operations import Operation
from imagesvc.http.requests import (
    absolute_base_of,
    base_of,
    invalid,
    json_response,
    parsed_query,
    query_values,
)
from imagesvc.library.accept import Ingest
from imagesvc.model import Format, ImageId, UploadSlot, Visibility, new_id, parse_id, utc_now
from imagesvc.store.collections import CollectionStore
from imagesvc.store.files.incoming import Incoming
from imagesvc.store.upload_slots import UploadSlotStore, used_up

PATH = "/uploads/{upload_id}"
MEDIA_TYPES = tuple(item.media_type for item in Format)
DEFAULT_SECONDS, MAX_SECONDS = 900, 86_400


class UploadUrlQuery(UploadQuery):
    """What the file will be, and what is said about the image."""

    content_type: str | None = None
    """That the file must have; any image's when absent."""
    max_bytes: Annotated[int, Field(ge=1)] | None = None
    """`max_upload_size` of the settings when absent."""
    expires_in: Annotated[int, Field(ge=1, le=MAX_SECONDS)] = DEFAULT_SECONDS
    """Seconds until the URL is refused."""


class UploadUrl(BaseModel):
    """Where to send one file, and how."""

    id: UUID
    """That the image will have."""
    url: str
    method: Literal["PUT"]
    headers: dict[str, str]
    """To be sent as they are."""
    expires_at: Instant
    max_bytes: int


@dataclass(frozen=True, slots=True)
class PresignedEndpoints:
    """The routes of presigned uploads; the fields are everything they may touch."""

    slots: UploadSlotStore
    signer: Signer
    incoming: Incoming
    ingest: Ingest
    collections: CollectionStore
    presets: Mapping[str, str]
    max_upload_size: int
    default_visibility: Visibility
    clock: Callable[[], datetime] = utc_now

    def operations(self) -> list[Operation]:
        """The operations this module serves; `app.py` concatenates them."""
        return [
            Operation(
                "get_upload_url", "GET", "/api/v1/images/actions/upload-url", self.hand_out,
                {200: UploadUrl}, "images", scope=Scope.UPLOAD, query=UploadUrlQuery,
                errors=(Forbidden, QuotaExceeded, InsufficientStorage),
            ),
            Operation(
                "put_upload", "PUT", PATH, self.put, {201: ImageOut}, "images", bodies=(FILE,),
                errors=(
                    SignatureInvalid, NotFound, Conflict, EmptyFile, FileTooLarge, CorruptImage,
                    UnsupportedMediaType, ImageTooLarge, QuotaExceeded,
                ),
            ),
        ]  # fmt: skip

    async def hand_out(self, request: Request) -> Response:
        """A URL that takes one file, once, without a credential, and makes the image of it."""
        query = parsed_query(UploadUrlQuery, request)
        principal = principal_of(request)
        if query.content_type not in {None, *MEDIA_TYPES}:
            raise invalid("content_type", f"must be one of {', '.join(MEDIA_TYPES)}")
        if (query.max_bytes or 0) > self.max_upload_size:
            raise invalid("max_bytes", f"may be {self.max_upload_size}")
        named = query_values(request, UploadUrlQuery)
        values = {name: text for name, text in named.items() if name in FIELDS}
        fields = read_fields(values, self.default_visibility, principal.user_id)
        if fields.collection_id is not None:
            await check_may_fill(self.collections, fields.collection_id, principal)
        await self.ingest.check_room(principal.user_id, 0)
        now = self.clock().replace(microsecond=0)
        slot = UploadSlot(
            id=ImageId(new_id()),
            owner_id=principal.user_id,
            filename=query.filename or "",
            content_type=query.content_type,
            max_bytes=query.max_bytes or self.max_upload_size,
            fields=values,
            created_at=now,
            expires_at=now + timedelta(seconds=query.expires_in),
        )
        await self.slots.add(slot)
        return json_response(self._shown(request, slot))

    def _shown(self, request: Request, slot: UploadSlot) -> UploadUrl:
        path = PATH.format(upload_id=slot.id)
        signed = self.signer.sign(path, [], expires_at=int(slot.expires_at.timestamp()))
        return UploadUrl(
            id=slot.id,
            url=f"{absolute_base_of(request)}{path}?{urlencode(signed)}",
            method="PUT",
            headers={} if slot.content_type is None else {"content-type": slot.content_type},
            expires_at=slot.expires_at,
            max_bytes=slot.max_bytes,
        )

    async def put(self, request: Request) -> Response:
        """Take the file of a presigned upload; the URL can be used until an image is made."""
        body = StreamedBody(request.receive)
        return await heard_out(request, body, self._taken(request, body))

    async def _taken(self, request: Request, body: StreamedBody) -> Response:
        check_whole(request)
        slot = await self._slot(request)
        if slot.content_type not in {None, media_type_of(request)}:
            raise UnsupportedMediaType(f"The upload was to be {slot.content_type}.")
        check_declared_length(request, slot.max_bytes)
        await self.ingest.check_room(slot.owner_id, declared_length(request))
        fields = read_fields(slot.fields, self.default_visibility, slot.owner_id)
        async with self.incoming.receive(max_bytes=slot.max_bytes) as file:
            async for piece in body.pieces():
                await file.write(piece)
            with explained(request, body):
                image = await self.ingest.accept(
                    await file.finish(), replace(fields, filename=slot.filename, slot=slot)
                )
        headers = {
            "location": f"{absolute_base_of(request)}/api/v1/images/{image.id}",
            "etag": f'"{image.original.digest}"',  # clients for S3 wait for it
        }
        shown = ImageOut.of(image, self.presets, STRANGER, base=base_of(request))
        return json_response(shown, 201, headers)

    async def _slot(self, request: Request) -> UploadSlot:
        image_id = ImageId(parse_id(request.path_params["upload_id"]))
        pairs = request.query_params.multi_items()
        path = PATH.format(upload_id=image_id)
        held = self.signer.verify(path, pairs, now=self.clock().timestamp())
        if held is None or held.expires_at is None:
            raise SignatureInvalid("An upload URL has a signature that expires.")
        slot = await self.slots.find(image_id)
        if slot is None:
            raise used_up()
        return slot
