"""The trash: put images in, restore them, and empty it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from starlette.responses import Response

from imagesvc.api.images.actions import ACTIONS, DeleteEntry, DeleteResults
from imagesvc.auth.permissions import check_may_change
from imagesvc.auth.principals import Principal, Scope
from imagesvc.errors import NO_SUCH_ID, ImagesvcError, NotFound, UnsupportedMediaType
from imagesvc.http.bodies.json_bodies import Json
from imagesvc.http.calls import Call
from imagesvc.http.models import Model, Sent
from imagesvc.http.operations import operation
from imagesvc.http.problems import problem
from imagesvc.http.requests import json_response
from imagesvc.library.trash import Trash
from imagesvc.model.ids import ImageId, parse_id
from imagesvc.model.images import Image
from imagesvc.store.images import ImageStore

MAX_IMAGES = 1000


class TrashIn(Sent, title="TrashRequest"):
    """The images to put into the trash, or to restore."""

    ids: Annotated[list[str], Field(min_length=1, max_length=MAX_IMAGES)]


class Emptied(Model):
    """The number of images that were deleted for good."""

    deleted: int


@dataclass(frozen=True, slots=True)
class TrashEndpoints:
    """The operations on the trash; the fields are their dependencies."""

    images: ImageStore
    trash: Trash

    @operation(
        "trash_images", "POST", f"{ACTIONS}/trash", tag="images", scope=Scope.MANAGE,
        body=Json(TrashIn), answers={207: DeleteResults}, errors=(UnsupportedMediaType,),
    )  # fmt: skip
    async def put_in(self, call: Call[None, TrashIn]) -> Response:
        """Put images into the trash; the response has an entry with the result for each.

        They are hidden from everyone but their owner, and deleted for good after
        `trash_retention`, unless they are restored before.
        """
        return await self._moved(call, self.trash.put_in)

    @operation(
        "restore_images", "POST", f"{ACTIONS}/restore", tag="images", scope=Scope.MANAGE,
        body=Json(TrashIn), answers={207: DeleteResults}, errors=(UnsupportedMediaType,),
    )  # fmt: skip
    async def restore(self, call: Call[None, TrashIn]) -> Response:
        """Restore images from the trash as they were; an entry for each has the result.

        An image whose collection was deleted meanwhile is restored without it.
        """
        return await self._moved(call, self.trash.restore)

    @operation(
        "empty_trash", "POST", "/api/v1/trash/actions/empty", tag="images", scope=Scope.MANAGE,
        answers={200: Emptied},
    )  # fmt: skip
    async def empty(self, call: Call[None, None]) -> Response:
        """Delete the requester's images in the trash for good; without accounts, all of them."""
        return json_response(Emptied(deleted=await self.trash.empty(call.requester.user_id)))

    async def _moved(
        self, call: Call[None, TrashIn], move: Callable[[Sequence[ImageId]], Awaitable[None]]
    ) -> Response:
        """Move the images that the requester may change, in one transaction."""
        ids = {name: _id(name) for name in call.body.ids}
        found = await self.images.several([image_id for image_id in ids.values() if image_id])
        errors = {
            name: _error(call.requester, found.get(image_id) if image_id else None)
            for name, image_id in ids.items()
        }
        allowed = {ids[name] for name, error in errors.items() if error is None}
        await move([image_id for image_id in found if image_id in allowed])
        data = [_entry(name, errors[name]) for name in call.body.ids]
        return json_response(DeleteResults(data=data), 207)


def _id(name: str) -> ImageId | None:
    try:
        return ImageId(parse_id(name))
    except NotFound:
        return None


def _error(requester: Principal, image: Image | None) -> ImagesvcError | None:
    """The reason why an image may not be moved."""
    if image is None:
        return NotFound(NO_SUCH_ID)
    try:
        check_may_change(requester, image)
    except ImagesvcError as error:
        return error
    return None


def _entry(name: str, error: ImagesvcError | None) -> DeleteEntry:
    if error is None:
        return DeleteEntry(id=name, status=204)
    return DeleteEntry(id=name, status=error.status, problem=problem(error))
