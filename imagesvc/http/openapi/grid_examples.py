"""Examples of what pages with many images are made of, by the names of their schemas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imagesvc.http.openapi.example_values import (
    ARCHIVE,
    DIGEST,
    IMAGE,
    MADE,
    OWNER,
    SEARCH,
    SOURCE,
)

SCAN: Mapping[str, Any] = {
    "started_at": MADE,
    "seconds": 6.2,
    "seen": 1200,
    "added": 12,
    "known": 0,
    "changed": 0,
    "renamed": 1,
    "vanished": 0,
    "waiting": 0,
    "failed": 0,
    "failures": [],
    "error": None,
}

GRID_EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "Timeline": {
        "total": 437,
        "rev": "6f1c0d5f3f0b4e6b9a63d2f1e07c9b12",
        "is_exact": True,
        "months": ["2026-11", "2026-05"],
        "counts": [412, 25],
    },
    "TimelineMonth": {
        "ids": [IMAGE],
        "widths": [4000],
        "heights": [3000],
        "taken": [1_777_707_072],
        "thumbhashes": ["HOgJLQSId3+G93jYd2ZXZ4hgYgUn"],
        "flags": [17],
        "next_cursor": None,
    },
    "UpdateRequest": {"ids": [IMAGE], "add_tags": ["heligoland"], "visibility": "public"},
    "ItemProblem": {
        "id": OWNER,
        "status": 404,
        "problem": {"code": "not_found", "status": 404, "title": "Not found"},
    },
    "Facets": {
        "tags": [{"value": "sea", "count": 212}],
        "cameras": [{"value": "FUJIFILM X100V", "count": 180}],
        "years": [{"value": "2026", "count": 437}],
        "formats": [{"value": "jpeg", "count": 430}, {"value": "png", "count": 7}],
        "colors": [{"value": "blue", "count": 251}, {"value": "brown", "count": 83}],
        "images": 437,
        "is_exact": True,
    },
    "FacetValue": {"value": "sea", "count": 212},
    "JobsSummary": {
        "counts": {"pending": 3, "processing": 1, "succeeded": 430, "failed": 3, "cancelled": 0},
        "oldest_pending_seconds": 4.2,
    },
    "JobCounts": {"pending": 3, "processing": 1, "succeeded": 430, "failed": 3, "cancelled": 0},
    "RetryRequest": {"status": "failed"},
    "ArchiveRequest": {"q": "tags:sea", "preset": "viewer"},
    "Archive": {
        "id": ARCHIVE,
        "url": f"/api/v1/archives/{ARCHIVE}",
        "count": 212,
        "bytes": None,
        "expires_at": "2026-05-03T10:14:07.000000Z",
    },
    "SearchRequest": {"name": "Sea in spring", "q": "tags:sea date:05-2026"},
    "SearchPatch": {"name": "The sea in spring"},
    "Search": {
        "id": SEARCH,
        "name": "Sea in spring",
        "q": "tags:sea date:05-2026",
        "created_at": MADE,
        "updated_at": MADE,
    },
    "CheckRequest": {"sha256": [DIGEST]},
    "CheckEntry": {"sha256": DIGEST, "image_id": IMAGE, "is_trashed": False},
    "SourceRequest": {"kind": "folder", "address": "/srv/photos", "collection": "{folder}"},
    "SourcePatch": {"interval_seconds": 3600},
    "Source": {
        "id": SOURCE,
        "owner_id": OWNER,
        "kind": "folder",
        "address": "/srv/photos",
        "interval_seconds": 900,
        "collection": "{folder}",
        "tags": [],
        "visibility": None,
        "on_vanish": "keep",
        "is_enabled": True,
        "is_scanning": False,
        "created_at": MADE,
        "updated_at": MADE,
        "next_scan_at": "2026-05-03T00:15:00.000000Z",
        "last_scan": SCAN,
    },
    "Scan": SCAN,
}
