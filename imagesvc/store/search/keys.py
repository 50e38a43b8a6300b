"""The sort keys of an image, as columns store them."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime
from typing import Any


def dated_at(exif: dict[str, Any], created_at: datetime) -> datetime:
    """The time of its EXIF, with the camera's time read as UTC, or else the time of upload."""
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
