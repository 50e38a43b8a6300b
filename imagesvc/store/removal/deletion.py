"""Deletion of an image's rows; its files are deleted after them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select

from imagesvc.errors import NO_SUCH_ID, NotFound
from imagesvc.model.ids import BlobName, Digest, ImageId, JobId
from imagesvc.model.jobs import Status
from imagesvc.model.trash import Condition
from imagesvc.store import blob_rows, usage
from imagesvc.store.collections import count_images
from imagesvc.store.db.schema.images import blobs, images, variants
from imagesvc.store.db.schema.jobs import jobs
from imagesvc.store.events import EventType, record_image_event
from imagesvc.store.jobs.engine import withdraw
from imagesvc.store.removal.trash import meets


@dataclass(frozen=True, slots=True)
class Removal:
    """The work that remains after the deletion of an image's row."""

    variant_keys: tuple[str, ...]
    blob: BlobName | None = None
    """The original, if no other image shares it."""
    mezzanine: Digest | None = None
    """Of that original."""
    job_ids: tuple[JobId, ...] = ()
    """Those that had not ended."""


def delete_image(
    connection: Connection, image_id: ImageId, now: datetime, only_if: Condition | None
) -> Removal:
    """Delete the row with its jobs, and the blob's row when no other image shares it.

    Raises:
        NotFound: there is no such image, or it does not meet the condition.
    """
    job_ids = tuple(connection.scalars(_OPEN_JOBS, {"image_id": image_id}))
    variant_keys = tuple(connection.scalars(_VARIANT_KEYS, {"image_id": image_id}))
    deletion = _DELETE_IMAGE if only_if is None else _DELETE_IMAGE.where(meets(only_if))
    row = connection.execute(deletion, {"image_id": image_id}).first()
    if row is None:
        raise NotFound(NO_SUCH_ID)
    withdraw(connection, job_ids, aborts=True)
    record_image_event(connection, EventType.IMAGE_DELETED, image_id, row.owner_id, now)
    if row.collection_id is not None and row.trashed_at is None:
        count_images(connection, row.collection_id, -1)
    if row.owner_id is not None:
        usage.refund(connection, row.owner_id, row.bytes)
    removal = Removal(variant_keys, job_ids=job_ids)
    if blob_rows.is_referenced(connection, row.sha256):
        return removal
    blob = connection.execute(_DELETE_BLOB, {"digest": row.sha256}).first()
    if blob is None:
        return removal
    return replace(removal, blob=BlobName(blob.name or row.sha256), mezzanine=blob.mezzanine_sha256)


_OPEN_JOBS = select(jobs.c.id).where(
    jobs.c.image_id == bindparam("image_id"),
    jobs.c.status.in_([Status.PENDING, Status.PROCESSING]),
)
_VARIANT_KEYS = select(variants.c.key).where(variants.c.image_id == bindparam("image_id"))
_DELETE_BLOB = (
    delete(blobs)
    .where(blobs.c.sha256 == bindparam("digest"))
    .returning(blobs.c.name, blobs.c.mezzanine_sha256)
)
_DELETE_IMAGE = (
    delete(images)
    .where(images.c.id == bindparam("image_id"))
    .returning(
        images.c.sha256,
        images.c.collection_id,
        images.c.owner_id,
        images.c.bytes,
        images.c.trashed_at,
    )
)
