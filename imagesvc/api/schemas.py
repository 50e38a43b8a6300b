"""The JSON models of the API."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import PlainSerializer, WithJsonSchema

from imagesvc.auth.permissions import owns
from imagesvc.auth.principals import Principal
from imagesvc.http.models import Model
from imagesvc.model.images import Image, Variant, Visibility
from imagesvc.model.jobs import Job, Operation, Status

PresetPlaces = Mapping[tuple[str, str], str]
"""The ends of image URLs, by the name of a preset and its canonical transform."""


def rfc3339(instant: datetime) -> str:
    """An instant in UTC with microseconds and a Z (RFC 3339)."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


Instant = Annotated[
    datetime,
    PlainSerializer(rfc3339, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class Urls(Model):
    """The URLs of an image's bytes."""

    original: str
    thumbnail: str | None
    preview: str | None
    blurred: str | None
    presets: dict[str, str]
    """The URL of every preset by name; it changes when the settings change the preset."""


class JobRef(Model):
    """An image's newest job."""

    id: UUID
    status: Status


class GpsOut(Model, title="Gps"):
    """A place: degrees, north and east positive, and metres above the sea."""

    latitude: float
    longitude: float
    altitude: float | None = None


class ImageOut(Model, title="Image"):
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
    gps: GpsOut | None
    """Where the image was taken; shown to its owner only."""
    visibility: Visibility
    share_location: bool
    """Whether other users get the original with the place where it was taken."""
    is_favourite: bool
    """Whether its owner has marked it; false for others."""
    awaits_review: bool
    """Whether a guest has uploaded it and its owner has not accepted it, so that no share shows it;
    false for others."""
    collection_id: UUID | None
    """The collection of the image; shown to its owner only."""
    owner_id: UUID | None
    created_at: Instant
    updated_at: Instant
    completed_at: Instant | None
    trashed_at: Instant | None
    """The time since which it is in the trash."""
    expires_at: Instant | None
    """The time from which it does not exist any more; null: never."""
    urls: Urls
    job: JobRef | None

    @classmethod
    def of(
        cls, image: Image, presets: Mapping[str, str], requester: Principal, *, base: str
    ) -> ImageOut:
        """The representation of an image for a requester.

        Args:
            image: the image.
            presets: the version of each preset in its URL.
            requester: the principal of the request.
            base: the prefix of URLs.
        """
        is_own = owns(requester, image.owner_id)
        original, analysis = image.original, image.analysis
        return cls(
            id=image.id,
            filename=image.filename,
            title=image.title,
            description=image.description,
            tags=list(image.tags),
            status=image.status,
            format=original.format,
            content_type=original.format.media_type,
            width=original.width,
            height=original.height,
            frames=original.frames,
            bytes=image.bytes,
            sha256=original.digest,
            dominant_color=analysis.dominant_color if analysis else None,
            palette=list(analysis.palette) if analysis else [],
            thumbhash=analysis.thumbhash if analysis else None,
            phash=analysis.phash if analysis else None,
            exif=image.exif,
            gps=GpsOut(**image.gps) if image.gps and is_own else None,
            visibility=image.visibility,
            share_location=image.share_location,
            is_favourite=image.is_favourite and is_own,
            awaits_review=image.awaits_review and is_own,
            collection_id=image.collection_id if is_own else None,
            owner_id=image.owner_id,
            created_at=image.created_at,
            updated_at=image.updated_at,
            completed_at=image.completed_at,
            trashed_at=image.trashed_at,
            expires_at=image.expires_at,
            urls=_urls(image.id, presets, base),
            job=None
            if image.job_id is None or image.job_status is None
            else JobRef(id=image.job_id, status=image.job_status),
        )


class ErrorOut(Model, title="Error"):
    """The reason of a failure."""

    code: str
    detail: str


class OperationOut(Model, title="Operation"):
    """One variant that a job makes, with its result."""

    name: str | None
    transform: str
    status: Status
    error: ErrorOut | None
    url: str

    @classmethod
    def of(
        cls, operation: Operation, image_id: UUID, presets: PresetPlaces, base: str
    ) -> OperationOut:
        """The representation of an operation.

        If the preset of an operation has changed since, its URL names the transform.
        """
        asked = (operation.name or "", operation.transform)
        place = presets.get(asked) or f"?{operation.transform}"
        return cls(
            name=operation.name,
            transform=operation.transform,
            status=operation.status,
            error=_error(operation.error_code, operation.error_detail),
            url=f"{base}/images/{image_id}{place}",
        )


class JobOut(Model, title="Job"):
    """A job with its operations."""

    id: UUID
    image_id: UUID
    status: Status
    attempts: int
    operations: list[OperationOut]
    error: ErrorOut | None
    created_at: Instant
    started_at: Instant | None
    finished_at: Instant | None

    @classmethod
    def of(cls, job: Job, presets: PresetPlaces, *, base: str) -> JobOut:
        """The representation of a job.

        Args:
            job: the job.
            presets: the ends of URLs of presets.
            base: the prefix of URLs.
        """
        return cls(
            id=job.id,
            image_id=job.image_id,
            status=job.status,
            attempts=job.attempts,
            operations=[
                OperationOut.of(item, job.image_id, presets, base) for item in job.operations
            ],
            error=_error(job.error_code, job.error_detail),
            created_at=job.created_at,
            started_at=job.started_at,
            finished_at=job.finished_at,
        )


class VariantOut(Model, title="Variant"):
    """A stored variant and its tiers."""

    transform: str
    url: str
    format: str
    width: int
    height: int
    bytes: int
    tiers: list[str]
    created_at: Instant
    last_used_at: Instant

    @classmethod
    def of(cls, variant: Variant, image_id: UUID, *, in_memory: bool, base: str) -> VariantOut:
        """The representation of a stored variant."""
        return cls(
            transform=variant.transform,
            url=f"{base}/images/{image_id}?{variant.transform}",
            format=variant.format,
            width=variant.width,
            height=variant.height,
            bytes=variant.bytes,
            tiers=["memory", "disk"] if in_memory else ["disk"],
            created_at=variant.created_at,
            last_used_at=variant.last_used_at,
        )


class Purged(Model):
    """The number of removed variants."""

    deleted: int


class UploadEntry(Model):
    """The result for one file of several."""

    status: int
    image: ImageOut | None = None
    problem: dict[str, Any] | None = None


class UploadResults(Model):
    """The results for several files, in order."""

    data: list[UploadEntry]


def _urls(image_id: UUID, presets: Mapping[str, str], base: str) -> Urls:
    url = f"{base}/images/{image_id}"
    named = {name: f"{url}/{name}{version}" for name, version in presets.items()}
    blurred = presets.get("blurred")
    return Urls(
        original=url,
        thumbnail=named.get("thumbnail"),
        preview=named.get("preview"),
        blurred=None if blurred is None else f"{base}/blurred-images/{image_id}{blurred}",
        presets=named,
    )


def _error(code: str | None, detail: str | None) -> ErrorOut | None:
    return None if code is None else ErrorOut(code=code, detail=detail or "")
