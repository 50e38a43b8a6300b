"""Examples of what admins get."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imagesvc.http.openapi.example_values import MADE, OWNER

_AMOUNTS = {
    "originals": {"count": 214, "bytes": 731_204_911},
    "trash": {"count": 3, "bytes": 9_120_448},
    "variants": {"count": 428, "bytes": 21_604_310},
}
_CDN = {
    "provider": "cloudflare",
    "waiting": 0,
    "waiting_since": None,
    "purged": 17,
    "confirmed_at": MADE,
    "error": None,
}
_ROW = {"owner_id": OWNER, "owner": "ada", "format": "jpeg", **_AMOUNTS}
_FILES = {
    "originals": {"count": 216, "bytes": 740_325_359},
    "mezzanines": {"count": 88, "bytes": 61_930_112},
    "variants": _AMOUNTS["variants"],
    "database_bytes": 4_198_400,
    "free_bytes": 81_604_378_624,
}
ADMINISTRATION: Mapping[str, Mapping[str, Any]] = {
    "Amount": _AMOUNTS["originals"],
    "OwnerStorage": _ROW,
    "FileStorage": _FILES,
    "CdnState": _CDN,
    "Statistics": {
        "images": _AMOUNTS["originals"],
        "trash": _AMOUNTS["trash"],
        "images_by_status": {"succeeded": 217},
        "images_by_visibility": {"private": 201, "public": 16},
        "jobs": {"succeeded": 217},
        "files": _FILES,
        "storage": [_ROW],
        "cdn": _CDN,
    },
    "PurgeRequest": {"tag": "heligoland"},
    "PurgeResults": {"images": 16, "variants": 32, "next_cursor": None},
}
