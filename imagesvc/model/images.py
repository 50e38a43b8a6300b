"""Images, their originals and variants, and their visibility."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from imagesvc.model.formats import Format
from imagesvc.model.ids import (
    BlobName,
    CollectionId,
    Digest,
    ImageId,
    JobId,
    UserId,
    VariantKey,
    own_name_of,
)
from imagesvc.model.jobs import Status


class Visibility(StrEnum):
    """The visibility of an image or a collection."""

    PUBLIC = "public"
    UNLISTED = "unlisted"
    PRIVATE = "private"


@dataclass(frozen=True, slots=True)
class Viewer:
    """The images that a list may show: those of `owner_id` and public ones, or all."""

    owner_id: UserId | None
    sees_all: bool = False


@dataclass(frozen=True, slots=True)
class Probe:
    """The header of an uploaded file, checked against the limits.

    `width` and `height` are as shown, after EXIF orientation. `decode_bytes` predicts the memory of
    a worker that decodes the file at full size, `decode_seconds` its processor time for all frames
    together. `gps` is separate from the rest of the EXIF, since only the owner may see it.
    """

    format: Format
    width: int
    height: int
    frames: int
    has_alpha: bool
    decode_bytes: int
    decode_seconds: float
    exif: dict[str, Any] = field(default_factory=dict)
    gps: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Analysis:
    """The appearance of a picture, analysed after its upload.

    `palette` has up to five colours, the most frequent first, which is also `dominant_color`.
    `thumbhash` is base64 of a ThumbHash, a placeholder of some 25 bytes. `phash` is a perceptual
    hash of 64 bits, 16 hexadecimal digits: similar pictures differ in few bits.
    """

    dominant_color: str
    palette: tuple[str, ...]
    thumbhash: str
    phash: str


@dataclass(frozen=True, slots=True)
class Mezzanine:
    """A reduced, high-quality copy of an original, in a separate blob."""

    digest: Digest
    format: Format
    width: int
    height: int
    own_name: BlobName | None = None
    """As in `Original`."""

    @property
    def name(self) -> BlobName:
        """The name of its blob."""
        return self.own_name or BlobName(self.digest)


@dataclass(frozen=True, slots=True)
class Original:
    """The data of an image that rendering needs: the blob, and its dimensions."""

    digest: Digest
    format: Format
    width: int
    height: int
    frames: int
    has_alpha: bool
    decode_bytes: int
    mezzanine: Mezzanine | None = None
    decode_seconds: float | None = None
    """As predicted at the upload; None for uploads before there were predictions."""
    own_name: BlobName | None = None
    """The name of its blob if that is not the digest."""

    @property
    def name(self) -> BlobName:
        """The name of its blob."""
        return self.own_name or BlobName(self.digest)


@dataclass(frozen=True, slots=True)
class Image:
    """An uploaded image: mutable metadata and immutable pixels."""

    id: ImageId
    original: Original
    bytes: int
    filename: str
    title: str
    description: str
    tags: tuple[str, ...]
    visibility: Visibility
    status: Status
    exif: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None = None
    gps: dict[str, float] = field(default_factory=dict)
    share_location: bool = False
    """Whether other users get the original with the place where it was taken."""
    is_analysed: bool = False
    """Whether a job of this image has analysed its original; another image's job does not count."""
    is_favourite: bool = False
    """Whether its owner has marked it."""
    awaits_review: bool = False
    """Whether a guest has uploaded it and its owner has not accepted it: no share shows it."""
    job_id: JobId | None = None
    job_status: Status | None = None
    analysis: Analysis | None = None
    owner_id: UserId | None = None
    collection_id: CollectionId | None = None
    version: int = 1
    """The version of the editable metadata; each change increments it."""
    trashed_at: datetime | None = None
    """The time since which it is in the trash."""
    expires_at: datetime | None = None
    """The time from which it does not exist any more; None: never."""

    def stored_as(self, name: BlobName) -> Image:
        """The image with its original under this name."""
        if name == self.original.name:
            return self
        return replace(self, original=replace(self.original, own_name=own_name_of(name)))

    def has_expired(self, now: datetime) -> bool:
        """Whether its time is over, so that it does not exist for anyone."""
        return self.expires_at is not None and self.expires_at <= now

    @property
    def is_trashed(self) -> bool:
        """Whether it is in the trash, where only its owner finds it."""
        return self.trashed_at is not None

    @property
    def shown_as(self) -> Visibility:
        """The visibility that delivery follows: an image in the trash is private."""
        return Visibility.PRIVATE if self.is_trashed else self.visibility


@dataclass(frozen=True, slots=True)
class Collection:
    """Images that belong together; each is in one collection at most."""

    id: CollectionId
    title: str
    description: str
    visibility: Visibility
    created_at: datetime
    updated_at: datetime
    image_count: int = 0
    """The number of its images; those in the trash are not counted."""
    cover_id: ImageId | None = None
    """The image chosen to stand for it, while it is in the collection."""
    owner_id: UserId | None = None
    version: int = 1
    """The version of the editable fields; adding and removing images does not change it."""

    @property
    def shown_as(self) -> Visibility:
        """The visibility that permissions follow."""
        return self.visibility


@dataclass(frozen=True, slots=True)
class Variant:
    """A stored variant: the row about its bytes.

    `crc32` is that of the bytes on disk, so that a file damaged by a power cut is detected and made
    again.
    """

    key: VariantKey
    image_id: ImageId
    transform: str  # canonical text
    format: Format
    width: int
    height: int
    bytes: int
    crc32: int
    created_at: datetime
    last_used_at: datetime
