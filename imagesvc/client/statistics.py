"""The response with what a service stores."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from .models import Answer


class Amount(Answer):
    """A number of things, and their bytes together."""

    count: int
    bytes: int


class OwnerStorage(Answer):
    """What one owner has in one format."""

    owner_id: UUID | None
    owner: str | None
    format: str
    originals: Amount
    trash: Amount
    variants: Amount


class FileStorage(Answer):
    """The files of the data directory."""

    originals: Amount
    mezzanines: Amount
    variants: Amount
    database_bytes: int
    free_bytes: int


class CdnState(Answer):
    """The purges of the CDN."""

    provider: str | None
    waiting: int
    waiting_since: datetime | None
    purged: int
    confirmed_at: datetime | None
    error: str | None


class Statistics(Answer):
    """What the service stores."""

    images: Amount
    trash: Amount
    images_by_status: Mapping[str, int]
    images_by_visibility: Mapping[str, int]
    jobs: Mapping[str, int]
    files: FileStorage
    storage: list[OwnerStorage]
    cdn: CdnState


class PurgeResults(Answer):
    """What one request has removed."""

    images: int
    variants: int
    next_cursor: str | None
