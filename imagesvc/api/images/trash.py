"""The trash: put images in, restore them, and empty it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import Field
from starlette.responses import Response

from imagesvc.api.images.actions import ACTIONS, DeleteEntry, DeleteResults
from imagesvc.api.images.named import may_filter_by
from imagesvc.api.images.selection import MAX_IDS, Selection, id_of
from imagesvc.auth.permissions import check_may_change
from imagesvc.auth.principals import Principal, Scope
from imagesvc.errors import (
    NO_SUCH_ID,
    Forbidden,
    ImagesvcError,
    InvalidQuery,
    NotFound,
    UnsupportedMediaType,
)
from imagesvc.http.bodies.json_bodies import Json
from imagesvc.http.calls import Call, Context
from imagesvc.http.models import Model, Sent
from imagesvc.http.operations import operation
from imagesvc.http.problems import problem
from imagesvc.http.requests import json_response
from imagesvc.library.trash import Trash
from imagesvc.model.ids import ImageId
from imagesvc.model.images import Image
from imagesvc.store.collections import CollectionStore
from imagesvc.store.images import ImageStore


class TrashIn(Selection, title="TrashRequest"):
    """The images to put into the trash: those with `ids`, or all own ones of a search."""


class RestoreIn(Sent, title="RestoreRequest"):
    """The images to restore."""

    ids: Annotated[list[str], Field(min_length=1, max_length=MAX_IDS)]


class Emptied(Model):
    """The number of images that were deleted for good."""

    deleted: int


@dataclass(frozen=True, slots=True)
class TrashEndpoints:
    """The operations on the trash; the fields are their dependencies."""

    images: ImageStore
    trash: Trash
    collections: CollectionStore

    @operation(
        "trash_images", "POST", f"{ACTIONS}/trash", tag="images", scope=Scope.MANAGE,
        body=Json(TrashIn), answers={207: DeleteResults},
        errors=(Forbidden, InvalidQuery, UnsupportedMediaType),
    )  # fmt: skip
    async def put_in(self, call: Call[None, TrashIn]) -> Response:
        """Put images into the trash; the response has an entry with the result for each.

        They are hidden from everyone but their owner, and deleted for good after
        `trash_retention`, unless they are restored before.
        """
        if call.body.ids is not None:
            return await self._moved(call, call.body.ids, self.trash.put_in)
        requester = call.requester
        wanted, moved = call.body.own(requester), list[ImageId]()
        if await may_filter_by(self.collections, wanted.collection_id, requester):
            moved = await self.trash.put_in_found(wanted)
        return _results([_entry(str(image_id), None) for image_id in moved])

    @operation(
        "restore_images", "POST", f"{ACTIONS}/restore", tag="images", scope=Scope.MANAGE,
        body=Json(RestoreIn), answers={207: DeleteResults}, errors=(UnsupportedMediaType,),
    )  # fmt: skip
    async def restore(self, call: Call[None, RestoreIn]) -> Response:
        """Restore images from the trash as they were; an entry for each has the result.

        An image whose collection was deleted meanwhile is restored without it.
        """
        return await self._moved(call, call.body.ids, self.trash.restore)

    @operation(
        "empty_trash", "POST", "/api/v1/trash/actions/empty", tag="images", scope=Scope.MANAGE,
        answers={200: Emptied},
    )  # fmt: skip
    async def empty(self, call: Call[None, None]) -> Response:
        """Delete the requester's images in the trash for good; without accounts, all of them."""
        return json_response(Emptied(deleted=await self.trash.empty(call.requester.user_id)))

    async def _moved(
        self,
        context: Context,
        names: Sequence[str],
        move: Callable[[Sequence[ImageId]], Awaitable[None]],
    ) -> Response:
        """Move the images that the requester may change, in one transaction."""
        ids = {name: id_of(name) for name in names}
        found = await self.images.several([image_id for image_id in ids.values() if image_id])
        errors = {
            name: _error(context.requester, found.get(image_id) if image_id else None)
            for name, image_id in ids.items()
        }
        allowed = {ids[name] for name, error in errors.items() if error is None}
        await move([image_id for image_id in found if image_id in allowed])
        return _results([_entry(name, errors[name]) for name in names])


def _error(requester: Principal, image: Image | None) -> ImagesvcError | None:
    """The reason why an image may not be moved."""
    if image is None:
        return NotFound(NO_SUCH_ID)
    try:
        check_may_change(requester, image)
    except ImagesvcError as error:
        return error
    return None


def _results(data: list[DeleteEntry]) -> Response:
    return json_response(DeleteResults(data=data), 207)


def _entry(name: str, error: ImagesvcError | None) -> DeleteEntry:
    if error is None:
        return DeleteEntry(id=name, status=204)
    return DeleteEntry(id=name, status=error.status, problem=problem(error))
