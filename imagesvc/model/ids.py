"""Ids of stored objects, and the current instant."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NewType
from uuid import UUID

from uuid_utils import compat as uuid_compat

from imagesvc.errors import NO_SUCH_ID, NotFound

ImageId = NewType("ImageId", UUID)
JobId = NewType("JobId", UUID)
ArchiveId = NewType("ArchiveId", UUID)
SearchId = NewType("SearchId", UUID)
UserId = NewType("UserId", UUID)
CollectionId = NewType("CollectionId", UUID)
KeyId = NewType("KeyId", UUID)
LoginId = NewType("LoginId", UUID)
SessionId = NewType("SessionId", UUID)
ShareId = NewType("ShareId", UUID)
UploadLinkId = NewType("UploadLinkId", UUID)
SourceId = NewType("SourceId", UUID)
DIGITS = 64
Digest = NewType("Digest", str)
"""The SHA-256 of a blob, 64 lower-case hexadecimal digits."""
BlobName = NewType("BlobName", str)
"""The name of a blob in its store, which begins with its digest.

It is the digest itself in files, and `<digest>/<uuid hex>` in buckets.
"""
VariantKey = NewType("VariantKey", str)
"""A hash of the image and all that determines a variant's bytes: original, canonical transform,
engine.
"""


def new_id() -> UUID:
    """A UUIDv7 (RFC 9562): ids sort by their time of creation."""
    return uuid_compat.uuid7()


def digest_of(name: BlobName) -> Digest:
    """The digest of the bytes of a blob."""
    return Digest(name[:DIGITS])


def own_name_of(name: BlobName) -> BlobName | None:
    """The name of a blob as rows have it; None if it is the digest."""
    return name if len(name) > DIGITS else None


def least_id(instant: datetime, *, slack: timedelta = timedelta()) -> UUID:
    """An id below all that were made at this millisecond or later, or `slack` after it."""
    since_epoch = instant - datetime(1970, 1, 1, tzinfo=UTC) + slack  # never overflows
    milliseconds = since_epoch // timedelta(milliseconds=1)
    return UUID(int=max(milliseconds, 0) << 80)


def parse_id(text: str) -> UUID:
    """The id in a URL; only one spelling is valid, so that each resource has one URL.

    Raises:
        NotFound: it is not a valid id.
    """
    if re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text) is None:
        raise NotFound(NO_SUCH_ID)
    return UUID(text)


def utc_now() -> datetime:
    """The current instant, aware, in UTC."""
    return datetime.now(UTC)
