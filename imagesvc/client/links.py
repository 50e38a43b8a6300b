"""The models of links for people without an account."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from .models import Answer


class Share(Answer):
    """A link that shows images to everyone who has it."""

    id: UUID
    owner_id: UUID | None
    target: str
    """`image`, `collection` or `search`."""
    image_id: UUID | None
    collection_id: UUID | None
    q: str | None
    title: str
    has_password: bool
    expires_at: datetime | None
    max_views: int | None
    views: int
    allow_download: bool
    show_metadata: bool
    created_at: datetime
    last_viewed_at: datetime | None
    url: str | None = None
    """Only when it has just been made."""


class UploadLink(Answer):
    """A link with which everyone who has it may upload into a collection."""

    id: UUID
    owner_id: UUID | None
    title: str
    collection_id: UUID
    expires_at: datetime | None
    max_files: int
    max_bytes: int
    files: int
    bytes: int
    created_at: datetime
    url: str | None = None
    """Only when it has just been made."""
