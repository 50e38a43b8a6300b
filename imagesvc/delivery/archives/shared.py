"""The images of a share as a ZIP file, where the share allows downloads."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from imagesvc.auth.rates.limits import Limit
from imagesvc.auth.visitors.visitors import Visitors
from imagesvc.delivery.archives.members import Member, Members
from imagesvc.delivery.archives.zipping import ZIP, Wanted, Zipping
from imagesvc.delivery.shared import TAG, withheld_from_visitors
from imagesvc.errors import Forbidden, Gone, NotFound, PasswordRequired
from imagesvc.http.calls import Call, Context
from imagesvc.http.operations import operation, with_subject
from imagesvc.model.ids import utc_now
from imagesvc.model.sharing import Share
from imagesvc.store.sharing.contents import SharedImages

BATCH = 100
"""Images whose rows are read at once."""
PAYER = ""
"""Visitors use the workers as all others without an account."""


@dataclass(frozen=True, slots=True)
class SharedArchives:
    """The operation that sends shares as archives; the fields are its dependencies."""

    visitors: Visitors
    contents: SharedImages
    members: Members
    clock: Callable[[], datetime] = utc_now

    async def _open(self, context: Context) -> Share:
        return await self._admit(context.request)

    @operation(
        "get_shared_archive", "GET", "/s/{token}/archive", tag=TAG, limit=Limit.ADDRESS,
        answers={200: ZIP}, errors=(NotFound, Gone, Forbidden, PasswordRequired),
    )  # fmt: skip
    @with_subject(_open)
    async def send(self, call: Call[None, None], share: Share) -> Response:
        """Download the originals of a share as a ZIP file, if the share allows downloads.

        The file is made while it is sent; share and image are checked again before each image.
        Unless the share shows metadata, they have none, and members have the same date. They have
        the place where they were taken only if the image has `share_location`, too.
        """
        images = self._images(call.request, share)
        response = Zipping(images, self._member, self.clock()).response(call.request)
        response.headers["referrer-policy"] = "no-referrer"
        response.headers["x-robots-tag"] = "noindex"
        return response

    async def _admit(self, request: Request) -> Share:
        share = await self.visitors.admit(request)
        if not share.allow_download:
            raise NotFound("This link does not allow downloads.")
        return share

    async def _member(self, wanted: Wanted) -> Member:
        return await self.members.original(wanted.image, PAYER, wanted.withheld)

    async def _images(self, request: Request, share: Share) -> AsyncGenerator[Wanted, None]:
        """The images that the share still shows when it is their turn.

        Raises:
            NotFound, Gone, Forbidden, PasswordRequired: the share has ended meanwhile.
        """
        after = None
        while True:
            page = await self.contents.page(share, limit=BATCH, after=after)
            for listed in page.images:
                current = await self._admit(request)
                image = await self.contents.now(current, listed.id)
                if image is not None:
                    yield Wanted(image, withheld_from_visitors(current, image))
            after = page.next_after
            if after is None:
                return
