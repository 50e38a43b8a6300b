"""Links for people without an account: shares of images, and uploads of guests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from imagesvc.model.ids import CollectionId, ImageId, ShareId, UploadLinkId, UserId


class ShareTarget(StrEnum):
    """What a share shows."""

    IMAGE = "image"
    COLLECTION = "collection"
    SEARCH = "search"


@dataclass(frozen=True, slots=True)
class Share:
    """A link that shows images of its owner to everyone who has it."""

    id: ShareId
    owner_id: UserId | None
    token_sha256: str
    target: ShareTarget
    created_at: datetime
    image_id: ImageId | None = None
    collection_id: CollectionId | None = None
    q: str | None = None
    title: str = ""
    password_hash: str | None = None
    expires_at: datetime | None = None
    max_views: int | None = None
    views: int = 0
    allow_download: bool = False
    show_metadata: bool = False
    last_viewed_at: datetime | None = None

    @property
    def needs_visit(self) -> bool:
        """Whether images need the cookie of a visit that has begun."""
        return self.password_hash is not None or self.max_views is not None

    @property
    def is_used_up(self) -> bool:
        """Whether no further visit may begin."""
        return self.max_views is not None and self.views >= self.max_views


@dataclass(frozen=True, slots=True)
class UploadLink:
    """A link with which everyone who has it may add images to a collection of its owner."""

    id: UploadLinkId
    owner_id: UserId | None
    token_sha256: str
    title: str
    collection_id: CollectionId
    max_files: int
    max_bytes: int
    created_at: datetime
    expires_at: datetime | None = None
    files: int = 0
    bytes: int = 0
