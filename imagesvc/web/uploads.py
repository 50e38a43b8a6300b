"""What the upload tray of the gallery has to know of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imagesvc.settings.settings import Settings


def uploads_of(settings: Settings) -> Mapping[str, Any]:
    """The limit of a file, the visibility of uploads, and whether URLs can be imported."""
    return {
        "max_bytes": settings.max_upload_size,
        "visibility": settings.upload_visibility,
        "can_import": settings.allow_url_import,
    }
