"""What is kept between the requests of an upload."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from imagesvc.model.ids import ImageId, UserId


@dataclass(frozen=True, slots=True)
class PendingUpload:
    """The promise to take one file from whoever has its URL, and to make it an image."""

    id: ImageId
    """Of the image."""
    owner_id: UserId | None
    filename: str
    content_type: str | None
    """That the file must have, also by its bytes; None for any that is taken."""
    max_bytes: int
    fields: dict[str, str]
    """What was said about the image beforehand, as in the form of an upload."""
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class IdempotencyRecord:
    """The first answer to a request with an Idempotency-Key, for those who ask again."""

    principal: str
    key: str
    fingerprint: str
    """What the request asked for; another request must not have its answer."""
    status: int
    headers: dict[str, str]
    body: str
    created_at: datetime
    expires_at: datetime
