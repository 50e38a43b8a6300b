"""The download of an archive."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from starlette.responses import Response

from imagesvc.auth.permissions import may_see, owns
from imagesvc.auth.principals import Principal, Scope
from imagesvc.delivery.archives.members import Member, Members
from imagesvc.delivery.archives.zipping import ZIP, Zipping
from imagesvc.errors import NO_SUCH_ID, NotFound
from imagesvc.http.calls import Call, Context
from imagesvc.http.operations import operation, with_subject
from imagesvc.model.ids import ArchiveId, utc_now
from imagesvc.model.images import Image
from imagesvc.model.saved import Archive
from imagesvc.model.transforms import Transform
from imagesvc.store.archives import ArchiveStore
from imagesvc.store.images import ImageStore

BATCH = 100
"""Images whose rows are read at once."""


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
        answers={200: ZIP}, errors=(NotFound,), is_change=True,
    )  # fmt: skip
    @with_subject(_own)
    async def send(self, call: Call[None, None], archive: Archive) -> Response:
        """Download an archive as a ZIP file, which is made while it is sent.

        It has those images that the requester may see now. Images that cannot be read are left
        out, and named in `left-out.txt`.
        """
        images = self._visible(archive, call.requester)
        find = partial(self._member, archive=archive, requester=call.requester)
        return Zipping(images, find, archive.created_at).response(call.request)

    async def _visible(self, archive: Archive, requester: Principal) -> AsyncGenerator[Image, None]:
        """The images that still exist and that the requester may see, in order."""
        for start in range(0, len(archive.image_ids), BATCH):
            ids = archive.image_ids[start : start + BATCH]
            found = await self.images.several(ids)
            for image_id in ids:
                image = found.get(image_id)
                if image is not None and not image.is_trashed and may_see(requester, image):
                    yield image

    async def _member(self, image: Image, archive: Archive, requester: Principal) -> Member:
        payer = str(requester.user_id or "")
        if archive.preset is None:
            has_location = owns(requester, image.owner_id) or image.share_location
            return await self.members.original(image, payer, has_location=has_location)
        transform = self.presets.get(archive.preset)
        if transform is None:
            raise NotFound("The preset was removed from the settings.")
        return await self.members.variant(image, transform, payer)
