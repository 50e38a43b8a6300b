"""State between the requests of an upload."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from imagesvc.model.ids import ImageId, UserId


@dataclass(frozen=True, slots=True)
class PendingUpload:
    """The permission to upload one file with its URL, which becomes an image."""

    id: ImageId
    """The id of the image."""
    owner_id: UserId | None
    filename: str
    content_type: str | None
    """The type that the file must have, also by its bytes; None for any accepted type."""
    max_bytes: int
    fields: dict[str, str]
    """The metadata of the image, as in the form of an upload."""
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    """The first response to a request with an Idempotency-Key, for retries."""

    principal: str
    key: str
    fingerprint: str
    """Identifies the content of the request; another request must not get its response."""
    status: int
    headers: dict[str, str]
    body: str
    created_at: datetime
    expires_at: datetime
