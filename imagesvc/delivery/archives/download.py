"""The download of an archive."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from imagesvc.auth.authenticator import Authenticator
from imagesvc.auth.permissions import may_see, owns
from imagesvc.auth.principals import Scope
from imagesvc.delivery.archives.members import Member, Members
from imagesvc.delivery.archives.zipping import ZIP, Wanted, Zipping
from imagesvc.errors import NO_SUCH_ID, NotFound
from imagesvc.http.calls import Call, Context
from imagesvc.http.operations import operation, with_subject
from imagesvc.imaging.messages import Withheld
from imagesvc.model.ids import ArchiveId, utc_now
from imagesvc.model.saved import Archive
from imagesvc.model.transforms import Transform
from imagesvc.store.archives import ArchiveStore
from imagesvc.store.images import ImageStore


@dataclass(frozen=True, slots=True)
class ArchiveDownloads:
    """The operation that sends archives; the fields are its dependencies."""

    authenticator: Authenticator
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

        It has those images that the requester may see when it is their turn, and ends when the
        credential does. Images that cannot be read are left out, and named in `left-out.txt`.
        """
        images = self._visible(archive, call.request)
        find = partial(self._member, archive=archive)
        return Zipping(images, find, archive.created_at).response(call.request)

    async def _visible(self, archive: Archive, request: Request) -> AsyncGenerator[Wanted, None]:
        """The images that the requester may see when it is their turn, in order.

        Raises:
            Unauthorized, Forbidden: the credential has ended meanwhile, or may read no more.
        """
        for image_id in archive.image_ids:
            requester = await self.authenticator.authenticate_again(request)
            requester.check(Scope.READ)
            image = await self.images.find(image_id)
            if image is not None and not image.is_trashed and may_see(requester, image):
                has_all = owns(requester, image.owner_id) or image.share_location
                yield Wanted(image, None if has_all else Withheld.LOCATION)

    async def _member(self, wanted: Wanted, archive: Archive) -> Member:
        payer = str(archive.user_id or "")
        if archive.preset is None:
            return await self.members.original(wanted.image, payer, wanted.withheld)
        transform = self.presets.get(archive.preset)
        if transform is None:
            raise NotFound("The preset was removed from the settings.")
        return await self.members.variant(wanted.image, transform, payer)
