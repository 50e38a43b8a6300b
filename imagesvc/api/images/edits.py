"""What people may change of an image: title, description, tags, visibility, and what others get."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from anyio import CancelScope
from pydantic import BaseModel, ConfigDict
from starlette.requests import Request
from starlette.responses import Response

from imagesvc.api.schemas import ImageOut
from imagesvc.auth.authenticator import principal_of
from imagesvc.auth.permissions import check_may_change
from imagesvc.auth.principals import Scope
from imagesvc.errors import Forbidden, NotFound, PreconditionFailed, UnsupportedMediaType
from imagesvc.http.bodies.fields import Description, Tags, Title
from imagesvc.http.bodies.json_bodies import sent_patch
from imagesvc.http.operations import Operation
from imagesvc.http.requests import base_of, json_response, only_known
from imagesvc.http.versions import expected_versions, versioned
from imagesvc.library.accept import tags_of
from imagesvc.model import Image, ImageId, Visibility, parse_id, utc_now
from imagesvc.store.images import ImageStore


class ImagePatch(BaseModel):
    """What to change of an image; what is absent stays, and null empties (RFC 7396)."""

    model_config = ConfigDict(extra="forbid", strict=True)

    title: Title | None = None
    description: Description | None = None
    tags: Tags | None = None
    """All of them, beside the description's #hashtags, which are tags anyway."""
    visibility: Visibility = Visibility.PRIVATE
    share_location: bool = False
    """Whether others get the original with the place where it was taken."""

    def applied_to(self, image: Image) -> Image:
        """The image as it is to be.

        With a new description, the #hashtags of the old one are no tags any more.
        """
        given: dict[str, Any] = {name: getattr(self, name) for name in self.model_fields_set}
        for name in {"title", "description"} & given.keys():
            given[name] = given[name] or ""
        if given.keys() & {"description", "tags"}:
            stale = tags_of((), image.description)
            kept = [tag for tag in image.tags if tag not in stale]
            tags = (given["tags"] or []) if "tags" in given else kept
            given["tags"] = tags_of(tuple(tags), given.get("description", image.description))
        return replace(image, **given)


@dataclass(frozen=True, slots=True)
class EditEndpoints:
    """The operation that edits an image; the fields are everything it may touch."""

    images: ImageStore
    presets: Mapping[str, str]
    on_changed: Callable[[ImageId], None]
    """Forgets what delivery remembers of an image."""
    clock: Callable[[], datetime] = utc_now

    def operations(self) -> list[Operation]:
        """The operations this module serves; `app.py` concatenates them."""
        return [
            Operation(
                "edit_image", "PATCH", "/api/v1/images/{image_id}", self.edit, {200: ImageOut},
                "images", scope=Scope.MANAGE, bodies=(ImagePatch,),
                errors=(NotFound, Forbidden, PreconditionFailed, UnsupportedMediaType),
            )
        ]  # fmt: skip

    async def edit(self, request: Request) -> Response:
        """Change what people may edit of an image; `If-Match` guards against lost changes.

        When the answer comes, no URL of the image is answered as before the change.
        """
        only_known(request, set())
        principal = principal_of(request)
        image = await self.images.get(ImageId(parse_id(request.path_params["image_id"])))
        check_may_change(principal, image)
        patch = await sent_patch(request, ImagePatch)
        with CancelScope(shield=True):  # what is changed must be forgotten
            changed = await self.images.edit(
                image.id, patch.applied_to, expected=expected_versions(request), now=self.clock()
            )
            self.on_changed(image.id)
        return json_response(
            ImageOut.of(changed, self.presets, principal, base=base_of(request)),
            headers=versioned(changed.version),
        )
