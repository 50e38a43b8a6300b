"""Versions over HTTP: the ETag of editable fields, and the If-Match of an edit (RFC 9110)."""

from __future__ import annotations

import re

from starlette.requests import Request

from imagesvc.store.versions import Expected
from imagesvc.syntax.header_fields import joined_field, members_of


def versioned(version: int) -> dict[str, str]:
    """The ETag header of a version; only edits change it, the progress of a job does not."""
    return {"etag": f'"{version}"'}


def expected_versions(request: Request) -> Expected:
    """The versions that If-Match names, by strong comparison; None for any (section 13.1.1).

    Other entity tags match no version.
    """
    field = joined_field(request.headers.raw, b"if-match")
    if field is None or field.strip() == "*":
        return None
    tags = members_of(field)
    return frozenset(int(tag[1:-1]) for tag in tags if re.fullmatch('"[1-9][0-9]{0,8}"', tag))
