"""The responses of the service as models; unknown members are ignored.

Names are those of the OpenAPI document.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from .errors import ImagesvcError
from .problems import described

T = TypeVar("T")
Status = Literal["pending", "processing", "succeeded", "failed", "cancelled"]
Visibility = Literal["public", "unlisted", "private"]


class Answer(BaseModel):
    """An object in a response."""

    model_config = ConfigDict(frozen=True)


class Urls(Answer):
    """The URLs of an image's bytes, relative to the service."""

    original: str
    thumbnail: str | None
    preview: str | None
    blurred: str | None
    presets: Mapping[str, str] = {}
    """The URL of every preset by name."""


class JobRef(Answer):
    """An image's newest job."""

    id: UUID
    status: Status


class Versioned(Answer):
    """A resource with editable fields."""

    etag: str | None = None
    """Its version, for `if_match`; None in lists, and if it was not requested alone."""


class Image(Versioned):
    """An image's metadata."""

    id: UUID
    filename: str
    title: str
    description: str
    tags: list[str]
    status: Status
    format: str
    content_type: str
    width: int
    height: int
    frames: int
    bytes: int
    sha256: str
    dominant_color: str | None
    palette: list[str]
    thumbhash: str | None
    phash: str | None
    exif: dict[str, Any]
    gps: Mapping[str, float | None] | None
    """Where the image was taken; shown to its owner only."""
    visibility: Visibility
    share_location: bool
    is_favourite: bool = False
    """Whether its owner has marked it."""
    awaits_review: bool = False
    """Whether a guest has uploaded it and its owner has not accepted it."""
    collection_id: UUID | None
    owner_id: UUID | None
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    trashed_at: datetime | None = None
    """The time since which it is in the trash."""
    expires_at: datetime | None = None
    """The time from which it does not exist any more; None: never."""
    urls: Urls
    job: JobRef | None
    is_replay: bool = False
    """For an upload: whether an earlier request with its Idempotency-Key made it."""


class Error(Answer):
    """The reason of a failure."""

    code: str
    detail: str


class Entry(Answer):
    """The result for one of several."""

    status: int
    problem: Mapping[str, Any] | None = None
    """The problem document of the service (RFC 9457)."""

    @property
    def error(self) -> ImagesvcError | None:
        """The error; None if it succeeded."""
        return None if self.problem is None else described(self.problem)


class UploadEntry(Entry):
    """The result for one file of several."""

    image: Image | None = None


class UploadResults(Answer):
    """The results for several files, in order."""

    data: list[UploadEntry]


class DeleteEntry(Entry):
    """The result for one image to delete."""

    id: str


class DeleteResults(Answer):
    """The results for several images, in order."""

    data: list[DeleteEntry]


class Purged(Answer):
    """The number of removed variants."""

    deleted: int


class Emptied(Answer):
    """The number of images that were deleted for good."""

    deleted: int


class Operation(Answer):
    """One variant that a job makes, with its result."""

    name: str | None
    transform: str
    status: Status
    error: Error | None
    url: str


class Job(Answer):
    """A job with its operations."""

    id: UUID
    image_id: UUID
    status: Status
    attempts: int
    operations: list[Operation]
    error: Error | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class Jobs(Answer):
    """A job for each image, in order."""

    data: list[Job]


class UploadUrl(Answer):
    """The URL for one file without a credential, and how to send it."""

    id: UUID
    """The id that the image will have."""
    url: str
    """Absolute. If it leads to a bucket, `complete_url` is where to say that the file was sent."""
    method: str
    headers: dict[str, str]
    """The header fields to send, unchanged."""
    expires_at: datetime
    max_bytes: int
    complete_url: str | None = None


class SignedUrl(Answer):
    """A URL that shows a picture without a credential, until it expires."""

    operation: Any
    """The operation as it was requested."""
    url: str
    """Absolute, below the client's URL of the service."""


class SignedUrls(Answer):
    """A URL for each operation, in order."""

    expires_at: datetime
    data: list[SignedUrl]


class Variant(Answer):
    """A stored variant."""

    transform: str
    url: str
    format: str
    width: int
    height: int
    bytes: int


class Collection(Versioned):
    """A collection of images."""

    id: UUID
    title: str
    description: str
    visibility: Visibility
    image_count: int | None
    cover_image_id: UUID | None
    """The image chosen as its cover, while it is in the collection."""
    owner_id: UUID | None
    created_at: datetime
    updated_at: datetime


class Me(Answer):
    """The requester's user, with the scopes of the credential and the storage used."""

    id: UUID | None
    name: str | None
    scopes: list[str]
    usage: Mapping[str, Any] | None


class Token(Answer):
    """The tokens of a login."""

    access_token: str
    refresh_token: str
    expires_in: int


class Session(Answer):
    """A session of a browser."""

    id: UUID
    user_id: UUID
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    user_agent: str
    address: str


class Setting(Answer):
    """A setting in force."""

    name: str
    value: str | None
    """With its unit; None if it is not set. Secrets are masked."""
    source: Literal["default", "file", "environment", "flag"]
    place: str
    """The flag or the name of the file, else the same as `source`."""
    description: str


class Settings(Answer):
    """All settings."""

    data: list[Setting]


class Page(Answer, Generic[T]):
    """Some items of a list, and the cursor of the next page."""

    data: list[T]
    next_cursor: str | None


class CountedImagePage(Page[Image]):
    """Some images of a list, the cursor of the next page, and how many images there are."""

    total: int | None = None
    total_is_exact: bool | None = None
    """Whether `total` is the exact number: the service looks at only 5,000 images."""
