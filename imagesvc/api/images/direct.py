"""Uploads straight to the bucket: the file is there, and is checked when the client says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from weakref import WeakValueDictionary

import structlog
from starlette.responses import Response

from imagesvc.api.images.presigned import MADE, PATH, REFUSALS, answer_with, fields_of, signed_id
from imagesvc.auth.signing import Signer
from imagesvc.errors import (
    Conflict,
    FileTooLarge,
    Rejected,
    Unavailable,
    text_of,
)
from imagesvc.http.calls import Call, Context
from imagesvc.http.operations import Grammar, operation, with_subject
from imagesvc.library.accept import Acceptor
from imagesvc.model.ids import ImageId, utc_now
from imagesvc.model.images import Image, Visibility
from imagesvc.model.uploads import PendingUpload
from imagesvc.store.accounts import UserStore
from imagesvc.store.files.incoming import Incoming
from imagesvc.store.images import ImageStore
from imagesvc.store.objects.incoming import NOT_SENT, IncomingObjects
from imagesvc.store.pending_uploads import PendingUploadStore, used_up

log = structlog.get_logger()

FIRST_VERSION = 1
"""Of an image that has not been edited."""


@dataclass(frozen=True, slots=True)
class CompletionEndpoints:
    """The route that completes direct uploads; the fields are its dependencies."""

    pending_uploads: PendingUploadStore
    signer: Signer
    objects: IncomingObjects | None
    incoming: Incoming
    acceptor: Acceptor
    images: ImageStore
    users: UserStore
    presets: Mapping[str, str]
    default_visibility: Visibility
    clock: Callable[[], datetime] = utc_now
    _locks: WeakValueDictionary[ImageId, asyncio.Lock] = field(default_factory=WeakValueDictionary)
    """Requests for one upload take turns: each would fetch the whole file."""

    async def _upload_id(self, context: Context) -> ImageId:
        """The id of the upload; see `signed_id`."""
        return signed_id(context, self.signer, self.clock())

    @operation(
        "complete_upload", "POST", PATH, tag="images", query=Grammar(),
        answers={200: MADE, 201: MADE},
        errors=REFUSALS,
    )  # fmt: skip
    @with_subject(_upload_id)
    async def complete(self, call: Call[None, None], upload_id: ImageId) -> Response:
        """Make the image of the file that was sent to the bucket; 200 if it has been made before.

        It is 409 once that image has been edited, or its owner is disabled.

        A file that is refused is removed, and another may be sent to the same URL.
        """
        async with self._locks.setdefault(upload_id, asyncio.Lock()):
            image, status = await self._made(upload_id)
            await self._clear(upload_id)
        return answer_with(image, self.presets, call, status)

    async def _made(self, upload_id: ImageId) -> tuple[Image, int]:
        try:
            return await self._make(upload_id), 201
        except Rejected:
            image = await self.images.find(upload_id)
            if image is None or not await self._may_be_shown(image):
                raise
            return image, 200

    async def _may_be_shown(self, image: Image) -> bool:
        """Whether those who have the URL may see the image again: it is as they have sent it."""
        if image.version > FIRST_VERSION or image.is_trashed:
            return False
        owner = None if image.owner_id is None else await self.users.get(image.owner_id)
        return owner is None or not owner.is_disabled

    async def _make(self, upload_id: ImageId) -> Image:
        pending = await self.pending_uploads.find(upload_id)
        if pending is None:
            raise used_up()
        size = None if self.objects is None else await self.objects.size(upload_id)
        if self.objects is None or size is None:
            raise Conflict(NOT_SENT)
        try:
            return await self._accept(pending, self.objects, size)
        except Conflict:  # another server was faster, or the URL was withdrawn
            raise
        except Rejected:
            await self.objects.remove([upload_id])
            raise

    async def _clear(self, upload_id: ImageId) -> None:
        """Remove the file of an image, also one that was sent again, or is left by a crash."""
        if self.objects is not None:
            try:
                await self.objects.remove([upload_id])
            except Unavailable as error:  # the next collection of orphans removes it
                reason = text_of(error)
                log.warning("cannot remove", action="upload.left", id=upload_id, reason=reason)

    async def _accept(self, pending: PendingUpload, objects: IncomingObjects, size: int) -> Image:
        """Read the file once, so that nothing that is sent later can change the image."""
        if size > pending.max_bytes:
            raise FileTooLarge(f"The file is larger than {pending.max_bytes:,} bytes.")
        await self.acceptor.check_room(pending.owner_id, size)
        fields = fields_of(pending, self.default_visibility)
        async with self.incoming.receive(max_bytes=pending.max_bytes) as file:
            async for piece in objects.pieces(pending.id):
                await file.write(piece)
            return await self.acceptor.accept(await file.finish(), fields)
