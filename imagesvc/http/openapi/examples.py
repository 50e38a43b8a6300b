"""One example of each resource and body, by the name of its schema.

Pages and other containers need no example: programs that show the document assemble them from
these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imagesvc.http.openapi.administration_examples import ADMINISTRATION
from imagesvc.http.openapi.example_values import (
    COLLECTION,
    DELIVERY,
    DIGEST,
    DONE,
    EVENT,
    IMAGE,
    JOB,
    KEY,
    MADE,
    OWNER,
    SESSION,
    WEBHOOK,
)
from imagesvc.http.openapi.grid_examples import GRID_EXAMPLES
from imagesvc.http.openapi.sharing_examples import SHARING

_KEY = {
    "id": KEY,
    "user_id": OWNER,
    "name": "camera",
    "scopes": ["upload"],
    "created_at": MADE,
    "expires_at": "2027-05-03T00:00:00.000000Z",
    "last_used_at": None,
}
_USER = {
    "id": OWNER,
    "name": "ada",
    "is_admin": False,
    "is_disabled": False,
    "has_password": True,
    "image_count": 214,
    "image_bytes": 731_204_911,
    "quota_images": None,
    "quota_bytes": 10_737_418_240,
    "created_at": MADE,
}
_SESSION = {
    "id": SESSION,
    "user_id": OWNER,
    "created_at": MADE,
    "last_seen_at": DONE,
    "expires_at": "2026-08-01T09:14:07.120000Z",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0",
    "address": "192.0.2.7",
    "is_current": True,
}
_HOOK = {"url": "https://example.org/hook", "event_types": ["image.created", "job.failed"]}
_WEBHOOK = {
    "id": WEBHOOK,
    "owner_id": OWNER,
    **_HOOK,
    "is_enabled": True,
    "failing_since": None,
    "created_at": MADE,
    "updated_at": MADE,
}
_SETTING = {
    "name": "variant_cache_size",
    "value": "20GiB",
    "source": "file",
    "place": "imagesvc.toml",
    "description": "Disk space for stored variants.",
}
_REFRESH_TOKEN = "isr_019aa5ea0c31_5d1f9e…"  # noqa: S105  # nobody's

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    **ADMINISTRATION,
    **SHARING,
    "Setting": _SETTING,
    "Settings": {"data": [_SETTING]},
    "Image": {
        "id": IMAGE,
        "filename": "beach.jpg",
        "title": "Low tide",
        "description": "The #sea in the morning",
        "tags": ["sand", "sea"],
        "status": "succeeded",
        "format": "jpeg",
        "content_type": "image/jpeg",
        "width": 4000,
        "height": 3000,
        "frames": 1,
        "bytes": 3_410_227,
        "sha256": DIGEST,
        "dominant_color": "#4e6a7a",
        "palette": ["#4e6a7a", "#7fb5de", "#323b22", "#abcfed", "#c9b27f"],
        "thumbhash": "HOgJLQSId3+G93jYd2ZXZ4hgYgUn",
        "phash": "e394f39d1a2e3403",
        "exif": {"camera": "FUJIFILM X100V", "taken_at": "2026-05-02T07:31:12"},
        "gps": {"latitude": 54.1795, "longitude": 7.8875, "altitude": 4.0},
        "visibility": "public",
        "share_location": False,
        "is_favourite": True,
        "awaits_review": False,
        "collection_id": COLLECTION,
        "owner_id": OWNER,
        "created_at": MADE,
        "updated_at": DONE,
        "completed_at": DONE,
        "trashed_at": None,
        "expires_at": None,
        "urls": {
            "original": f"/images/{IMAGE}",
            "thumbnail": f"/images/{IMAGE}/thumbnail",
            "preview": f"/images/{IMAGE}/preview",
            "blurred": f"/blurred-images/{IMAGE}",
            "presets": {
                "thumbnail": f"/images/{IMAGE}/thumbnail",
                "card": f"/images/{IMAGE}/card?v=0f1d2c3b",
            },
        },
        "job": {"id": JOB, "status": "succeeded"},
    },
    "ImagePatch": {"title": "Low tide", "tags": ["sand", "sea"], "visibility": "private"},
    "ImportRequest": {"url": "https://example.org/beach.jpg", "tags": ["sea"]},
    "AddedImages": {"data": [{"type": "images", "id": IMAGE}], "move": True},
    "ImageRefs": {"data": [{"type": "images", "id": IMAGE}]},
    "DeleteRequest": {"ids": [IMAGE]},
    "DeleteEntry": {"id": IMAGE, "status": 204, "problem": None},
    "TrashRequest": {"ids": [IMAGE]},
    "RestoreRequest": {"ids": [IMAGE]},
    "Emptied": {"deleted": 12},
    "ProcessRequest": {"ids": [IMAGE], "operations": ["thumbnail", {"w": 800, "format": "webp"}]},
    "Job": {
        "id": JOB,
        "image_id": IMAGE,
        "status": "succeeded",
        "attempts": 1,
        "operations": [
            {
                "name": "thumbnail",
                "transform": "h=256&w=256",
                "status": "succeeded",
                "error": None,
                "url": f"/images/{IMAGE}/thumbnail",
            }
        ],
        "error": None,
        "created_at": MADE,
        "started_at": MADE,
        "finished_at": DONE,
    },
    "Variant": {
        "transform": "format=webp&q=79&w=800",
        "url": f"/images/{IMAGE}?format=webp&q=79&w=800",
        "format": "webp",
        "width": 800,
        "height": 600,
        "bytes": 61_874,
        "tiers": ["memory", "disk"],
        "created_at": DONE,
        "last_used_at": DONE,
    },
    "UploadUrl": {
        "id": IMAGE,
        "url": f"/uploads/{IMAGE}?kid=default&exp=1777800547&sig=aZM4IQiLXlS7zT8dqHdl8KG4",
        "method": "PUT",
        "headers": {"content-type": "image/jpeg"},
        "expires_at": "2026-05-03T09:29:07.000000Z",
        "max_bytes": 52_428_800,
        "complete_url": None,
    },
    "SignedUrlsRequest": {"operations": ["original", "preview", {"w": 800}], "expires_in": 3600},
    "SignedUrls": {
        "expires_at": "2026-05-03T10:14:07.000000Z",
        "data": [
            {
                "operation": "preview",
                "url": f"/images/{IMAGE}/preview?kid=default&exp=1777803247&sig=Yk0p3JgqQ1d8mT",
            }
        ],
    },
    "Collection": {
        "id": COLLECTION,
        "title": "Heligoland",
        "description": "",
        "visibility": "public",
        "image_count": 12,
        "cover_image_id": IMAGE,
        "owner_id": OWNER,
        "created_at": MADE,
        "updated_at": MADE,
        "links": {"images": f"/api/v1/collections/{COLLECTION}/relationships/images"},
    },
    "CollectionRequest": {"title": "Heligoland", "visibility": "public"},
    "CollectionPatch": {"title": "Heligoland in spring"},
    "User": _USER,
    "UserRequest": {"name": "ada", "password": "correct horse battery"},
    "UserPatch": {"quota_bytes": 10_737_418_240},
    "Me": {
        "id": OWNER,
        "name": "ada",
        "scopes": ["read", "upload", "manage"],
        "usage": {
            "image_count": 214,
            "image_bytes": 731_204_911,
            "quota_images": None,
            "quota_bytes": 10_737_418_240,
        },
    },
    "TokenRequest": {
        "grant_type": "password",
        "username": "ada",
        "password": "correct horse battery",
    },
    "Token": {
        "access_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJpc3MiOi…",
        "refresh_token": _REFRESH_TOKEN,
        "token_type": "bearer",
        "expires_in": 900,
        "scope": "read upload manage",
    },
    "RevokeRequest": {"token": _REFRESH_TOKEN},
    "KeyRequest": {"name": "camera", "scopes": ["upload"]},
    "Key": _KEY,
    "NewKey": {**_KEY, "key": "isk_019aa5e91f427d83a0b629c5f7e8d410_e4bbceb43abda7b2…"},
    "SessionRequest": {"name": "ada", "password": "correct horse battery"},
    "SetupRequest": {
        "token": "K5rM0u0mXbMJvZ0k3c8pN1aQ7wT2yE4gH6jL9dS0fVo",
        "name": "ada",
        "password": "correct horse battery",
    },
    "Session": _SESSION,
    "CurrentSession": {
        "user": _USER,
        "scopes": ["read", "upload", "manage"],
        "session": _SESSION,
    },
    "WebhookRequest": _HOOK,
    "WebhookPatch": {"is_enabled": True},
    "Webhook": _WEBHOOK,
    "WebhookWithSecret": {**_WEBHOOK, "secret": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"},
    "Delivery": {
        "id": DELIVERY,
        "event_id": EVENT,
        "event_type": "image.created",
        "status": "succeeded",
        "attempts": 1,
        "due_at": MADE,
        "answer_status": 204,
        "error": None,
        "created_at": MADE,
        "finished_at": DONE,
    },
    "Health": {"status": "ok"},
    "Readiness": {
        "status": "ok",
        "reads": True,
        "writes": True,
        "checks": {
            "database": "ok",
            "data_dir": "ok",
            "disk": "ok",
            "workers": "ok",
            "database_writes": "ok",
        },
        "warnings": {},
    },
    **GRID_EXAMPLES,
}
