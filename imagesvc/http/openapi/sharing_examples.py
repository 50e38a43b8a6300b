"""One example of each resource and body about links for people without an account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

IMAGE, COLLECTION = "019aa5f0-3c1e-7bd2-9f40-6d2a51c7e803", "019aa5f1-02d4-7a9c-8c35-b1f0e6a94d57"
OWNER, SHARE = "019aa5e8-7b30-7c1e-9d02-4f6a8e15b3c9", "019aa5f4-6e17-7c02-9b35-d8f1a4c6e072"
MADE, DONE = "2026-05-03T09:14:07.120000Z", "2026-05-03T09:14:07.480000Z"
TOKEN = "Zk3vT1qLx8RrW0cYb5nJpA2dGh7sMuEf"  # noqa: S105  # nobody's

_SHARE = {
    "id": SHARE,
    "owner_id": OWNER,
    "target": "collection",
    "image_id": None,
    "collection_id": COLLECTION,
    "q": None,
    "title": "Heligoland",
    "has_password": True,
    "expires_at": "2026-08-01T00:00:00.000000Z",
    "max_views": None,
    "views": 3,
    "allow_download": True,
    "show_metadata": False,
    "created_at": MADE,
    "last_viewed_at": DONE,
}
_LINK = {
    "id": "019aa5f5-2b90-7d41-8f6a-c1e7b3d05a94",
    "owner_id": OWNER,
    "title": "Your pictures of Heligoland",
    "collection_id": COLLECTION,
    "expires_at": "2026-08-01T00:00:00.000000Z",
    "max_files": 100,
    "max_bytes": 1_073_741_824,
    "files": 12,
    "bytes": 40_204_911,
    "created_at": MADE,
}
SHARING: Mapping[str, Mapping[str, Any]] = {
    "ShareRequest": {
        "collection_id": COLLECTION,
        "password": "low tide",
        "expires_at": "2026-08-01T00:00:00Z",
        "allow_download": True,
    },
    "SharePatch": {"password": None, "max_views": 100},
    "Share": _SHARE,
    "NewShare": {**_SHARE, "url": f"/s/{TOKEN}"},
    "UploadLinkRequest": {"collection_id": COLLECTION, "max_files": 100},
    "UploadLinkPatch": {"max_files": 200},
    "UploadLink": _LINK,
    "NewUploadLink": {**_LINK, "url": f"/g/{TOKEN}"},
    "GuestLink": {
        "title": "Your pictures of Heligoland",
        "expires_at": "2026-08-01T00:00:00.000000Z",
        "files_left": 88,
        "bytes_left": 1_033_536_913,
    },
    "GuestEntry": {"name": "dunes.jpg", "status": 201, "problem": None},
    "UnlockRequest": {"password": "low tide"},
    "Shared": {
        "title": "Heligoland",
        "target": "collection",
        "allow_download": True,
        "show_metadata": False,
        "expires_at": "2026-08-01T00:00:00.000000Z",
        "presets": {"thumbnail": "thumbnail", "preview": "preview"},
    },
    "SharedImages": {
        "ids": [IMAGE],
        "widths": [4032],
        "heights": [3024],
        "thumbhashes": ["1QcSHQRnh493V4dIh4eXh1h4kJUI"],
        "taken": None,
        "exif": None,
        "next_cursor": None,
    },
}
