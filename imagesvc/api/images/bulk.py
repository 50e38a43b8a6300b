"""Many images at once: the same change of all, and which files the requester has already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import MISSING, AfterValidator, Field, StringConstraints, model_validator
from starlette.responses import Response

from imagesvc.api.collections import check_may_fill
from imagesvc.api.failures import ItemProblem, problems_of
from imagesvc.api.images.actions import ACTIONS
from imagesvc.api.images.named import may_filter_by
from imagesvc.api.images.selection import Selection, id_of
from imagesvc.auth.permissions import check_may_change
from imagesvc.auth.principals import Scope
from imagesvc.errors import (
    NO_SUCH_ID,
    Forbidden,
    ImagesvcError,
    InvalidQuery,
    NotFound,
    UnsupportedMediaType,
)
from imagesvc.http.bodies.fields import Description, Tags, TakenAt, Title
from imagesvc.http.bodies.json_bodies import Json
from imagesvc.http.calls import Call
from imagesvc.http.models import Model, Sent
from imagesvc.http.operations import operation
from imagesvc.http.requests import Id, json_response
from imagesvc.library.bulk import BulkChange, BulkEditor
from imagesvc.library.edit import ImageChange
from imagesvc.model.ids import CollectionId, Digest, utc_now
from imagesvc.model.images import Image, Visibility
from imagesvc.store.bulk.digests import OwnedDigests
from imagesvc.store.bulk.edits import Edited
from imagesvc.store.collections import CollectionStore

MAX_DIGESTS = 1_000
_SELECTING = frozenset(Selection.model_fields) | {"move"}
_EMPTIED = ("title", "description", "taken_at")


class UpdateIn(Selection, title="UpdateRequest"):
    """The images to change, and the changes; absent members stay as they are."""

    add_tags: Tags = Field(default_factory=list)
    remove_tags: Tags = Field(default_factory=list)
    """#hashtags of the description stay tags."""
    visibility: Visibility | MISSING = MISSING
    is_favourite: bool | MISSING = MISSING
    awaits_review: Literal[False] | MISSING = MISSING
    """False accepts pictures of guests."""
    taken_at: TakenAt | MISSING | None = MISSING
    """The local time of the photographs; null for that of the upload."""
    title: Title | MISSING | None = MISSING
    description: Description | MISSING | None = MISSING
    collection_id: Id | MISSING | None = MISSING
    """The collection to put them into; null takes them out of their collection."""
    move: bool = False
    """With `collection_id`: also images that are in another collection, which leave it."""

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        given = self.model_fields_set - _SELECTING
        if self.move and getattr(self, "collection_id", None) in {MISSING, None}:
            raise ValueError("may have move together with a collection_id only")
        if given <= {"add_tags", "remove_tags"} and not (self.add_tags or self.remove_tags):
            raise ValueError("must have a change, such as add_tags or visibility")
        return self

    @property
    def change(self) -> BulkChange:
        """What is to be changed."""
        given = {name: getattr(self, name) for name in self.model_fields_set - _SELECTING}
        tags = {name: tuple(given.pop(name, ())) for name in ("add_tags", "remove_tags")}
        moves, collection_id = "collection_id" in given, given.pop("collection_id", None)
        for name in given.keys() & set(_EMPTIED):
            given[name] = given[name] or ""
        place = None if collection_id is None else CollectionId(collection_id)
        return BulkChange(
            ImageChange(**given), moves=moves, collection_id=place, leaves_others=self.move, **tags
        )


class UpdateResults(Model):
    """How many images were changed."""

    changed: int
    unchanged: int
    """Images that were as they should be."""
    failed: int
    problems: list[ItemProblem]
    """Why, for the first 1,000 of them."""


Sha256 = Annotated[
    str,
    StringConstraints(pattern="^[0-9a-fA-F]{64}$"),
    AfterValidator(str.lower),
]


class CheckIn(Sent, title="CheckRequest"):
    """The digests of files."""

    sha256: Annotated[list[Sha256], Field(min_length=1, max_length=MAX_DIGESTS)]
    """SHA-256 of each, in hexadecimal digits."""


class CheckEntry(Model):
    """Whether the requester has a file."""

    sha256: str
    image_id: UUID | None
    """The image of the requester with these bytes; null if there is none."""
    is_trashed: bool
    """Whether that image is in the trash, from which it can be restored."""


class CheckResults(Model):
    """The result for each digest, in order."""

    data: list[CheckEntry]


@dataclass(frozen=True, slots=True)
class BulkEndpoints:
    """The operations on many images; the fields are their dependencies."""

    editor: BulkEditor
    collections: CollectionStore
    digests: OwnedDigests
    clock: Callable[[], datetime] = utc_now

    @operation(
        "update_images", "POST", f"{ACTIONS}/update", tag="images", scope=Scope.MANAGE,
        body=Json(UpdateIn), answers={200: UpdateResults},
        errors=(Forbidden, InvalidQuery, UnsupportedMediaType),
    )  # fmt: skip
    async def update(self, call: Call[None, UpdateIn]) -> Response:
        """Change many images in the same way: up to 1,000 by id, or all own ones of a search.

        Images are changed in batches. A batch is changed as a whole, and an image that cannot be
        changed does not affect the others.
        """
        body, requester = call.body, call.requester
        change = body.change
        if change.collection_id is not None:
            await check_may_fill(self.collections, change.collection_id, requester)

        def applied(image: Image) -> Image:
            check_may_change(requester, image)
            return change.applied_to(image)

        if body.ids is not None:
            ids = {name: id_of(name) for name in body.ids}
            known = [image_id for image_id in ids.values() if image_id is not None]
            edited = await self.editor.edit(known, applied)
            unknown = [name for name, image_id in ids.items() if image_id is None]
            return _answer(edited, unknown)
        wanted = body.own(requester)
        if not await may_filter_by(self.collections, wanted.collection_id, requester):
            return _answer(Edited(), [])
        return _answer(await self.editor.edit_found(wanted, applied), [])

    @operation(
        "check_images", "POST", f"{ACTIONS}/check", tag="images", scope=Scope.READ,
        body=Json(CheckIn, max_bytes=128 << 10), answers={200: CheckResults},
        errors=(UnsupportedMediaType,),
    )  # fmt: skip
    async def check(self, call: Call[None, CheckIn]) -> Response:
        """Which files the requester has uploaded already, by SHA-256, before they are sent again.

        Images of other users do not count, not even for admins.
        """
        digests = [Digest(digest) for digest in call.body.sha256]
        found = await self.digests.images_with(digests, call.requester.user_id, now=self.clock())
        data = []
        for digest in digests:
            image_id, is_trashed = found.get(digest, (None, False))
            data.append(CheckEntry(sha256=digest, image_id=image_id, is_trashed=is_trashed))
        return json_response(CheckResults(data=data))


def _answer(edited: Edited, unknown: list[str]) -> Response:
    missing: dict[str, ImagesvcError] = {name: NotFound(NO_SUCH_ID) for name in unknown}
    errors = missing | {str(image_id): error for image_id, error in edited.errors.items()}
    return json_response(
        UpdateResults(
            changed=len(edited.changed),
            unchanged=edited.unchanged,
            failed=len(errors),
            problems=problems_of(errors),
        )
    )
