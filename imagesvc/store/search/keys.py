"""What an image is sorted by, as columns keep it."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import Any


def dated_at(exif: dict[str, Any], created_at: datetime) -> datetime:
    """When it was taken, the camera's local time taken for UTC, or else when it was uploaded."""
    taken = exif.get("taken_at")
    if not isinstance(taken, str):
        return created_at
    try:
        return datetime.fromisoformat(taken).replace(tzinfo=UTC)
    except ValueError:
        return created_at


def name_key(filename: str) -> str:
    """A file name without case and accents."""
    apart = unicodedata.normalize("NFKD", filename.casefold())
    return "".join(char for char in apart if not unicodedata.combining(char))
