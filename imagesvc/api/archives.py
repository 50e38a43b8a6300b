"""Archives: which images are to be downloaded together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from starlette.responses import Response

from imagesvc.api.images.named import check_not_in_trash, may_filter_by, named_images
from imagesvc.api.images.selection import Selection
from imagesvc.api.schemas import Instant
from imagesvc.auth.principals import Scope
from imagesvc.errors import Conflict, Forbidden, InvalidQuery, NotFound, UnsupportedMediaType
from imagesvc.http.bodies.json_bodies import Json
from imagesvc.http.calls import Call
from imagesvc.http.models import Model
from imagesvc.http.operations import LOCATION, Answer, operation
from imagesvc.http.requests import invalid, json_response
from imagesvc.model.ids import ArchiveId, ImageId, new_id, utc_now
from imagesvc.model.saved import Archive
from imagesvc.model.transforms import Transform
from imagesvc.store.archives import ArchiveStore
from imagesvc.store.bulk.edits import BulkEdits
from imagesvc.store.collections import CollectionStore
from imagesvc.store.images import ImageStore
from imagesvc.store.search.listing import Position

EVERY = "/api/v1/archives"
MAX_IMAGES = 20_000
LIFETIME = timedelta(hours=1)
_PAGE = 1_000


class ArchiveIn(Selection, title="ArchiveRequest"):
    """The images of an archive, and what it has of each."""

    preset: str | None = None
    """The preset of which it has a variant of each image; originals when absent."""


class ArchiveOut(Model, title="Archive"):
    """An archive, which is made while it is downloaded."""

    id: UUID
    url: str
    """Where the same user downloads it, with the same credential."""
    count: int
    """The number of images."""
    bytes: int | None
    """The bytes of the originals; null for variants."""
    expires_at: Instant


@dataclass(frozen=True, slots=True)
class ArchiveEndpoints:
    """The operation that makes an archive; the fields are its dependencies."""

    archives: ArchiveStore
    images: ImageStore
    bulk: BulkEdits
    collections: CollectionStore
    presets: Mapping[str, Transform]
    clock: Callable[[], datetime] = utc_now

    @operation(
        "create_archive", "POST", EVERY, tag="images", scope=Scope.READ, body=Json(ArchiveIn),
        answers={201: Answer(ArchiveOut, LOCATION)},
        errors=(NotFound, Forbidden, Conflict, InvalidQuery, UnsupportedMediaType),
    )  # fmt: skip
    async def create(self, call: Call[None, ArchiveIn]) -> Response:
        """Put up to 20,000 images together for a download as one ZIP file, for an hour."""
        preset = call.body.preset
        if preset is not None and preset not in self.presets:
            raise invalid("preset", "names no preset")
        sizes = await self._selected(call)
        if not sizes:
            raise invalid("q", "finds no image")
        now = self.clock()
        archive = Archive(
            id=ArchiveId(new_id()),
            user_id=call.requester.user_id,
            image_ids=tuple(sizes),
            preset=preset,
            created_at=now,
            expires_at=now + LIFETIME,
        )
        await self.archives.add(archive)
        shown = ArchiveOut(
            id=archive.id,
            url=f"{call.base}{EVERY}/{archive.id}",
            count=len(sizes),
            bytes=sum(sizes.values()) if preset is None else None,
            expires_at=archive.expires_at,
        )
        location = {"location": f"{call.absolute_base}{EVERY}/{archive.id}"}
        return json_response(shown, 201, location)

    async def _selected(self, call: Call[None, ArchiveIn]) -> dict[ImageId, int]:
        """The selected images that the requester may see, and the bytes of each.

        Raises:
            NotFound, Conflict: it names an image that is not there, or is in the trash.
            InvalidRequest: there are too many.
        """
        body = call.body
        if body.ids is not None:
            names = {f"ids.{place}": name for place, name in enumerate(body.ids)}
            images = await named_images(self.images, names, call.requester)
            check_not_in_trash(names, images)
            return {image.id: image.bytes for image in images}
        wanted = body.wanted(call.requester)
        sizes: dict[ImageId, int] = {}
        if not await may_filter_by(self.collections, wanted.collection_id, call.requester):
            return sizes
        after: Position | None = None
        while len(sizes) <= MAX_IMAGES:
            found, after = await self.bulk.found(wanted, limit=_PAGE, after=after)
            sizes |= found
            if after is None:
                return sizes
        raise invalid("q", f"finds more than {MAX_IMAGES:,} images")
