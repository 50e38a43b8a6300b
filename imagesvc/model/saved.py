"""What users have put together: archives to download, and saved searches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from imagesvc.model.ids import ArchiveId, ImageId, SearchId, UserId


@dataclass(frozen=True, slots=True)
class Archive:
    """Images that one user may download together, until it expires."""

    id: ArchiveId
    user_id: UserId | None
    image_ids: tuple[ImageId, ...]
    preset: str | None
    """None for originals."""
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A search that a user has given a name."""

    id: SearchId
    user_id: UserId | None
    name: str
    q: str
    created_at: datetime
    updated_at: datetime
