"""JSON with a strong entity tag of its bytes: a client that has them is answered 304."""

from __future__ import annotations

import hashlib

from starlette.requests import Request
from starlette.responses import Response

from imagesvc.http.conditional import etag_matches
from imagesvc.syntax.header_fields import joined_field

CONTENT_TAG = {"ETag": "The version of the content, for If-None-Match."}
"""The header of these answers, for their declarations."""


def digest_of(content: bytes) -> str:
    """A short digest of content."""
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def tagged_json(request: Request, content: bytes) -> Response:
    """JSON that the client may keep for itself, and asks for again before it shows it."""
    etag = f'"{digest_of(content)}"'
    headers = {"cache-control": "private, no-cache", "etag": etag}
    if etag_matches(joined_field(request.headers.raw, b"if-none-match") or "", etag):
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/json")
