"""The responses of the service that pages with many images are made of."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from .models import Answer, Entry, Status


class Timeline(Answer):
    """How many images each month has, the newest month first."""

    total: int
    rev: str
    """Changes whenever the months or their counts change."""
    is_exact: bool
    """False if the search has more matches than the service counts."""
    months: list[str]
    counts: list[int]


class TimelineMonth(Answer):
    """Images of a month as columns, the newest first: place n of each list is one image."""

    ids: list[UUID]
    widths: list[int]
    heights: list[int]
    taken: list[int]
    """Seconds since 1970 of the camera's local time, or of the upload in UTC."""
    thumbhashes: list[str | None]
    flags: list[int]
    """The sum of 1 favourite, 2 animated, 4 job not ended, 8 job failed, 16 public, 32 unlisted,
    64 for one's own images in a collection, and 128 for those of guests that are to be accepted."""
    next_cursor: str | None


class ItemProblem(Entry):
    """Why one of several was not changed."""

    id: str


class UpdateResults(Answer):
    """How many images were changed."""

    changed: int
    unchanged: int
    failed: int
    problems: list[ItemProblem]
    """Why, for the first 1,000 of them."""


class CheckEntry(Answer):
    """Whether the requester has a file."""

    sha256: str
    image_id: UUID | None
    is_trashed: bool


class CheckResults(Answer):
    """The result for each digest, in order."""

    data: list[CheckEntry]


class FacetValue(Answer):
    """A value, and how many images have it."""

    value: str
    count: int


class Facets(Answer):
    """The most frequent values of a list, up to 50 of each kind."""

    tags: list[FacetValue]
    cameras: list[FacetValue]
    years: list[FacetValue]
    formats: list[FacetValue]
    colors: list[FacetValue]
    images: int
    """The number of images that were counted."""
    is_exact: bool
    """Whether these are all images of the list."""


class JobsSummary(Answer):
    """How many jobs there are, and how long they wait."""

    counts: dict[Status, int]
    oldest_pending_seconds: float | None


class RetryResults(Answer):
    """How many jobs were queued again."""

    retried: int
    failed: int
    problems: list[ItemProblem]


class Archive(Answer):
    """Images to download together as one ZIP file."""

    id: UUID
    url: str
    count: int
    """The number of images."""
    bytes: int | None
    """The bytes of the originals; None for variants."""
    expires_at: datetime


class Search(Answer):
    """A saved search."""

    id: UUID
    name: str
    q: str
    created_at: datetime
    updated_at: datetime


class Scan(Answer):
    """What a scan of a source found; files by what was done with them."""

    started_at: datetime
    seconds: float
    seen: int
    added: int
    known: int
    changed: int
    renamed: int
    vanished: int
    waiting: int
    failed: int
    failures: list[str]
    error: str | None


class Source(Answer):
    """A place that the service looks at for new files."""

    id: UUID
    owner_id: UUID | None
    kind: str
    address: str
    interval_seconds: int
    collection: str
    tags: list[str]
    visibility: str | None
    on_vanish: str
    is_enabled: bool
    is_scanning: bool
    created_at: datetime
    updated_at: datetime
    next_scan_at: datetime
    last_scan: Scan | None
