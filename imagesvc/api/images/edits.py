"""The editable fields of an image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import MISSING
from starlette.responses import Response

from imagesvc.api.images.named import changeable_image
from imagesvc.api.schemas import ImageOut
from imagesvc.auth.principals import Scope
from imagesvc.errors import Conflict, Forbidden, NotFound, PreconditionFailed, UnsupportedMediaType
from imagesvc.http.bodies.fields import Description, Tags, TakenAt, Title
from imagesvc.http.bodies.json_bodies import MergePatch
from imagesvc.http.calls import Call, Context
from imagesvc.http.models import Patch
from imagesvc.http.operations import EDIT_VERSION, Answer, operation, with_subject
from imagesvc.http.requests import Instant, json_response
from imagesvc.http.versions import expected_versions, versioned
from imagesvc.library.edit import Editor, ImageChange
from imagesvc.model.images import Image, Visibility
from imagesvc.store.images import ImageStore


class ImagePatch(Patch):
    """Changes of an image; absent members stay unchanged, null removes the value (RFC 7396)."""

    title: Title | MISSING | None = MISSING
    description: Description | MISSING | None = MISSING
    tags: Tags | MISSING | None = MISSING
    """The complete list; #hashtags of the description are added."""
    visibility: Visibility | MISSING = MISSING
    share_location: bool | MISSING = MISSING
    """Whether other users get the original with the place where it was taken."""
    is_favourite: bool | MISSING = MISSING
    awaits_review: Literal[False] | MISSING = MISSING
    """False accepts a picture of a guest."""
    taken_at: TakenAt | MISSING | None = MISSING
    """The local time of the photograph, which `exif` then shows; null for that of the upload."""
    expires_at: Instant | MISSING | None = MISSING
    """The time from which the image does not exist any more; null: never."""

    @property
    def change(self) -> ImageChange:
        """What is to be changed."""
        given = self.given()
        for name in {"title", "description", "taken_at"} & given.keys():
            given[name] = given[name] or ""
        if "tags" in given:
            given["tags"] = tuple(given["tags"] or ())
        return ImageChange(**given)


@dataclass(frozen=True, slots=True)
class EditEndpoints:
    """The operation that edits an image; the fields are its dependencies."""

    images: ImageStore
    editor: Editor
    presets: Mapping[str, str]

    async def _changeable(self, context: Context) -> Image:
        return await changeable_image(self.images, context)

    @operation(
        "edit_image", "PATCH", "/api/v1/images/{image_id}", tag="images", scope=Scope.MANAGE,
        body=MergePatch(ImagePatch), answers={200: Answer(ImageOut, EDIT_VERSION)},
        errors=(NotFound, Forbidden, Conflict, PreconditionFailed, UnsupportedMediaType),
    )  # fmt: skip
    @with_subject(_changeable)
    async def edit(self, call: Call[None, ImagePatch], image: Image) -> Response:
        """Change the editable fields of an image; `If-Match` prevents lost updates.

        After the response, no URL of the image is answered as before the change. An image in the
        trash is a conflict.
        """
        expected = expected_versions(call.request)
        changed = await self.editor.edit(image.id, call.body.change, expected)
        return json_response(
            ImageOut.of(changed, self.presets, call.requester, base=call.base),
            headers=versioned(changed.version),
        )
