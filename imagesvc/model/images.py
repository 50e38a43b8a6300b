"""Images, their originals and variants, and who may see them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from imagesvc.model.formats import Format
from imagesvc.model.ids import CollectionId, Digest, ImageId, JobId, UserId, VariantKey
from imagesvc.model.jobs import Status


class Visibility(StrEnum):
    """Who may see an image or a collection."""

    PUBLIC = "public"
    UNLISTED = "unlisted"
    PRIVATE = "private"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whose images a list may show: those of `owner_id` and public ones, or everyone's."""

    owner_id: UserId | None
    sees_all: bool = False


@dataclass(frozen=True, slots=True)
class Probe:
    """What the header of an uploaded file says, checked against the limits.

    `width` and `height` are as shown, after EXIF orientation. `decode_bytes` predicts what a
    worker will hold in memory while it decodes the file at full size, `decode_seconds` what it
    takes of processor time, all frames together. `gps` is kept apart from the rest of the EXIF,
    since it is for the owner alone.
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
    """What a picture looks like, found out when it comes in.

    `palette` has up to five colours, the most frequent first; that is `dominant_color`, too.
    `thumbhash` is base64 of a ThumbHash, a placeholder of some 25 bytes. `phash` is a perceptual
    hash of 64 bits, 16 hexadecimal digits: like pictures differ in few bits.
    """

    dominant_color: str
    palette: tuple[str, ...]
    thumbhash: str
    phash: str


@dataclass(frozen=True, slots=True)
class Mezzanine:
    """A reduced, high-quality copy of an original, a blob of its own."""

    digest: Digest
    format: Format
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Original:
    """What making a variant needs to know of an image: the blob, and how it is shaped."""

    digest: Digest
    format: Format
    width: int
    height: int
    frames: int
    has_alpha: bool
    decode_bytes: int
    mezzanine: Mezzanine | None = None
    decode_seconds: float | None = None
    """As predicted when it was uploaded; None of uploads from before there was a prediction."""


@dataclass(frozen=True, slots=True)
class Image:
    """What a user uploaded: mutable metadata over immutable pixels."""

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
    """Whether strangers get the original with the place where it was taken."""
    is_analysed: bool = False
    """Whether a job of this image has analysed its original; another image's job does not count."""
    job_id: JobId | None = None
    job_status: Status | None = None
    analysis: Analysis | None = None
    owner_id: UserId | None = None
    collection_id: CollectionId | None = None
    version: int = 1
    """Of the metadata that people edit; each change adds one."""


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
    owner_id: UserId | None = None
    version: int = 1
    """Of what people edit; putting images in and taking them out leaves it."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A stored variant: the row about its bytes.

    `crc32` is of the bytes on disk, so that what a power cut tore is noticed and made anew.
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
