"""Edits: what people may change of an image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from imagesvc.cancellation import run_to_end
from imagesvc.errors import Conflict
from imagesvc.library.expiry import check_expiry
from imagesvc.library.tags import kept_tags, tags_of
from imagesvc.model.ids import ImageId, utc_now
from imagesvc.model.images import Image, Visibility
from imagesvc.store.accounts import KEPT, Kept
from imagesvc.store.images import ImageStore
from imagesvc.store.versions import Expected


@dataclass(frozen=True, slots=True)
class ImageChange:
    """New values of an image; None leaves one as it is, except for `expires_at`."""

    title: str | None = None
    description: str | None = None
    tags: tuple[str, ...] | None = None
    """The complete list; #hashtags of the description are added."""
    visibility: Visibility | None = None
    share_location: bool | None = None
    is_favourite: bool | None = None
    awaits_review: bool | None = None
    """False accepts a picture of a guest."""
    taken_at: str | None = None
    """The local time of the photograph in ISO 8601; without text it is unknown."""
    expires_at: datetime | Kept | None = KEPT
    """None: it never expires."""

    def applied_to(self, image: Image) -> Image:
        """The image with the changes.

        With a new description, the #hashtags of the old one are no longer tags.

        Raises:
            Conflict: others would see a picture of a guest that has not been accepted.
        """
        values: dict[str, Any] = {
            name: value
            for name, value in asdict(self).items()
            if value is not None and name != "expires_at"
        }
        if not isinstance(self.expires_at, Kept):
            values["expires_at"] = self.expires_at
        if values.keys() & {"description", "tags"}:
            given = kept_tags(image.tags, image.description) if self.tags is None else self.tags
            values["tags"] = tags_of(given, values.get("description", image.description))
        if (taken_at := values.pop("taken_at", None)) is not None:
            exif = {name: value for name, value in image.exif.items() if name != "taken_at"}
            values["exif"] = exif | ({"taken_at": taken_at} if taken_at else {})
        changed = replace(image, **values)
        if changed.awaits_review and changed.visibility is not Visibility.PRIVATE:
            raise not_accepted()
        return changed


def not_accepted() -> Conflict:
    """The error of showing a picture of a guest to others before it is accepted."""
    return Conflict("A guest has uploaded this image; accept it first.")


@dataclass(frozen=True, slots=True)
class Editor:
    """Edits images."""

    images: ImageStore
    on_changed: Callable[[ImageId], None]
    """Removes the remembered responses of an image."""
    clock: Callable[[], datetime] = utc_now

    async def edit(self, image_id: ImageId, change: ImageChange, expected: Expected) -> Image:
        """Change an image; on return no URL of it is answered as before the change.

        A cancellation waits until both are done: an answer from memory must not outlive a change
        that was committed.

        Raises:
            NotFound: there is no such image.
            Conflict: it is in the trash, or others would see what has not been accepted.
            InvalidRequest: it is to expire in the past.
            PreconditionFailed: its version is none of those expected.
        """
        if not isinstance(change.expires_at, Kept):
            check_expiry(change.expires_at, self.clock())
        return await run_to_end(self._edit(image_id, change, expected))

    async def _edit(self, image_id: ImageId, change: ImageChange, expected: Expected) -> Image:
        changed = await self.images.edit(
            image_id, change.applied_to, expected=expected, now=self.clock()
        )
        self.on_changed(image_id)
        return changed
