"""Images as rows, joined with their blobs and newest jobs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Row, Select, select

from imagesvc.model.ids import CollectionId, ImageId, JobId, UserId
from imagesvc.model.images import Image, Visibility
from imagesvc.model.jobs import Job, Status
from imagesvc.store.db.schema.images import blobs, images
from imagesvc.store.db.schema.jobs import jobs
from imagesvc.store.originals import FACT_COLUMNS, ORIGINAL_COLUMNS, analysis_of, original_of
from imagesvc.store.search.keys import dated_at, name_key

EDITABLE = (
    "title", "description", "tags", "visibility", "share_location", "is_favourite",
    "awaits_review", "exif", "expires_at", "version", "updated_at",
)  # fmt: skip


def select_images() -> Select[Any]:
    """Rows that `image_of` reads."""
    newest_job = jobs.c.status.label("job_status")
    described = images.join(blobs, blobs.c.sha256 == images.c.sha256)
    with_job = described.join(jobs, jobs.c.id == images.c.job_id, isouter=True)
    mezzanine = [column for column in ORIGINAL_COLUMNS if column.table is blobs]
    return select(images, *mezzanine, *FACT_COLUMNS, newest_job).select_from(with_job)


def image_values(image: Image, job: Job) -> dict[str, Any]:
    """The row of a new image, whose first job this is."""
    original = image.original
    return {
        "id": image.id,
        "sha256": original.digest,
        "format": original.format,
        "width": original.width,
        "height": original.height,
        "frames": original.frames,
        "has_alpha": original.has_alpha,
        "decode_bytes": original.decode_bytes,
        "decode_seconds": original.decode_seconds,
        "bytes": image.bytes,
        "filename": image.filename,
        "title": image.title,
        "description": image.description,
        "tags": list(image.tags),
        "exif": image.exif,
        "gps": image.gps,
        "visibility": image.visibility,
        "share_location": image.share_location,
        "is_favourite": image.is_favourite,
        "awaits_review": image.awaits_review,
        "status": image.status,
        "owner_id": image.owner_id,
        "collection_id": image.collection_id,
        "version": image.version,
        "job_id": job.id,
        "created_at": image.created_at,
        "updated_at": image.updated_at,
        "completed_at": image.completed_at,
        "expires_at": image.expires_at,
        "dated_at": dated_at(image.exif, image.created_at),
        "name_key": name_key(image.filename),
    }


def edited_values(image: Image) -> dict[str, Any]:
    """The columns of an edited image."""
    values = {name: getattr(image, name) for name in EDITABLE}
    return {**values, "dated_at": dated_at(image.exif, image.created_at)}


def image_of(row: Row[Any]) -> Image:
    """The image that a row of `select_images` describes."""
    return Image(
        id=ImageId(row.id),
        original=original_of(row),
        analysis=analysis_of(row),
        bytes=row.bytes,
        filename=row.filename,
        title=row.title,
        description=row.description,
        tags=tuple(row.tags),
        visibility=Visibility(row.visibility),
        status=Status(row.status),
        exif=row.exif,
        gps=row.gps or {},
        created_at=row.created_at,
        updated_at=row.updated_at,
        completed_at=row.completed_at,
        share_location=row.share_location,
        is_analysed=row.is_analysed,
        is_favourite=row.is_favourite,
        awaits_review=row.awaits_review,
        job_id=None if row.job_id is None else JobId(row.job_id),
        job_status=None if row.job_status is None else Status(row.job_status),
        owner_id=None if row.owner_id is None else UserId(row.owner_id),
        collection_id=None if row.collection_id is None else CollectionId(row.collection_id),
        version=row.version,
        trashed_at=row.trashed_at,
        expires_at=row.expires_at,
    )
