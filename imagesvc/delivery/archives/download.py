"""The download of an archive: a ZIP file that is made while it is sent."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

import structlog
from anyio import to_thread
from starlette.responses import Response

from imagesvc.auth.permissions import may_see
from imagesvc.auth.principals import Principal, Scope
from imagesvc.delivery.archives.members import Member, Members
from imagesvc.delivery.archives.names import Names
from imagesvc.delivery.archives.zip_stream import ZipStream
from imagesvc.delivery.bodies import Streamed
from imagesvc.errors import NO_SUCH_ID, ImagesvcError, NotFound
from imagesvc.http.bodies.declared import Raw
from imagesvc.http.calls import Call, Context
from imagesvc.http.operations import operation, with_subject
from imagesvc.model.ids import ArchiveId, utc_now
from imagesvc.model.images import Image
from imagesvc.model.saved import Archive
from imagesvc.model.transforms import Transform
from imagesvc.store.archives import ArchiveStore
from imagesvc.store.images import ImageStore
from imagesvc.store.search.keys import dated_at

ZIP = "application/zip"
BATCH = 100
"""Images whose rows are read at once."""
LEFT_OUT = "left-out.txt"
"""The file in an archive that names the images that could not be added."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ArchiveDownloads:
    """The operation that sends archives; the fields are its dependencies."""

    archives: ArchiveStore
    images: ImageStore
    members: Members
    presets: Mapping[str, Transform]
    clock: Callable[[], datetime] = utc_now

    async def _own(self, context: Context) -> Archive:
        archive = await self.archives.get(ArchiveId(context.id("archive_id")), now=self.clock())
        if archive.user_id != context.requester.user_id:
            raise NotFound(NO_SUCH_ID)
        return archive

    @operation(
        "get_archive", "GET", "/api/v1/archives/{archive_id}", tag="images", scope=Scope.READ,
        answers={200: Raw((ZIP,), {"type": "string", "format": "binary"})}, errors=(NotFound,),
        is_change=True,
    )  # fmt: skip
    @with_subject(_own)
    async def send(self, call: Call[None, None], archive: Archive) -> Response:
        """Download an archive as a ZIP file, which is made while it is sent.

        It has those images that the requester may see now. Images that cannot be read are left
        out, and named in `left-out.txt`.
        """
        name = f"images-{archive.created_at:%Y-%m-%d}.zip"
        headers = {
            "content-type": ZIP,
            "content-disposition": f'attachment; filename="{name}"',
            "cache-control": "private, no-store",
            "x-content-type-options": "nosniff",
        }
        if call.request.method == "HEAD":
            return Response(headers=headers)
        pieces = self._zipped(archive, call.requester)
        return Streamed(pieces, pieces, HTTPStatus.OK, headers)

    async def _zipped(self, archive: Archive, requester: Principal) -> AsyncGenerator[bytes, None]:
        zipped, names, left_out = ZipStream(), Names(), list[str]()
        names.unique(LEFT_OUT, "txt")
        async for image in self._visible(archive, requester):
            try:
                member = await self._member(image, archive, requester)
            except (ImagesvcError, FileNotFoundError) as error:
                log.warning(
                    "left out of an archive", action="archive.left_out", image=str(image.id)
                )
                left_out.append(f"{image.filename}: {error}\n")
                continue
            name = names.unique(image.filename, member.format.extension)
            dated = dated_at(image.exif, image.created_at)
            yield zipped.begin(name, dated, member.size)
            async with aclosing(member.pieces()) as pieces:
                async for piece in pieces:
                    yield await to_thread.run_sync(zipped.write, piece)
            yield zipped.end()
        if left_out:
            text = "".join(left_out).encode()
            yield zipped.begin(LEFT_OUT, self.clock(), len(text)) + zipped.write(text)
            yield zipped.end()
        yield zipped.finish()

    async def _visible(self, archive: Archive, requester: Principal) -> AsyncIterator[Image]:
        """The images that still exist and that the requester may see, in order."""
        for start in range(0, len(archive.image_ids), BATCH):
            ids = archive.image_ids[start : start + BATCH]
            found = await self.images.several(ids)
            for image_id in ids:
                image = found.get(image_id)
                if image is not None and not image.is_trashed and may_see(requester, image):
                    yield image

    async def _member(self, image: Image, archive: Archive, requester: Principal) -> Member:
        if archive.preset is None:
            return await self.members.original(image, requester)
        transform = self.presets.get(archive.preset)
        if transform is None:
            raise NotFound("The preset was removed from the settings.")
        return await self.members.variant(image, transform, requester)
