"""Queries about images and the blobs they point at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Connection,
    Row,
    Select,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)

from imagesvc.errors import NO_SUCH_ID, NotFound
from imagesvc.model import (
    CollectionId,
    Digest,
    Image,
    ImageId,
    Job,
    JobId,
    Mezzanine,
    Quota,
    Receipt,
    Status,
    Usage,
    UserId,
    Visibility,
)
from imagesvc.store import collections as collection_queries
from imagesvc.store import usage
from imagesvc.store.db.database import Database
from imagesvc.store.db.pages import Page, newest, page_of
from imagesvc.store.db.schema.images import blobs, images, variants
from imagesvc.store.db.schema.jobs import jobs
from imagesvc.store.db.upserts import Upsert
from imagesvc.store.events import EventType, tell_image
from imagesvc.store.jobs.rows import insert_job
from imagesvc.store.originals import (
    FACT_COLUMNS,
    ORIGINAL_COLUMNS,
    facts_of,
    mark_analysed,
    original_of,
)
from imagesvc.store.receipts import insert_receipt
from imagesvc.store.search.keys import dated_at, name_key
from imagesvc.store.upload_slots import use_slot
from imagesvc.store.versions import Expected, check_version

MAX_USES = 20
"""Images of one blob that are named."""
EDITABLE = ("title", "description", "tags", "visibility", "share_location")


@dataclass(frozen=True, slots=True)
class Removal:
    """What the deletion of an image's row leaves to do."""

    digest: Digest
    blob_is_orphaned: bool
    variant_keys: tuple[str, ...]
    mezzanine: Digest | None = None  # of an orphaned blob
    job_ids: tuple[JobId, ...] = ()  # that had not ended


class ImageStore:
    """The images of one database."""

    def __init__(self, database: Database, quota: Quota | None = None) -> None:
        self._database = database
        self._quota = quota or Quota()

    async def add(
        self, image: Image, job: Job, receipt: Receipt | None = None, *, uses_slot: bool = False
    ) -> None:
        """Insert an image, the blob it points at unless that is known, its job, and its receipt.

        One transaction: after it, the upload is acknowledged (invariant 1), and the image is in
        its collection. The blob's bytes must be on disk before (invariant 2).

        Raises:
            InvalidRequest: there is no such collection.
            QuotaExceeded: its owner may keep no more; nothing was changed.
            RequestInProgress: another node was faster with the same receipt.
            Conflict: `uses_slot`, and the upload slot of this image is used up already.
        """

        def work(connection: Connection) -> None:
            if uses_slot:
                use_slot(connection, image.id)
            if receipt is not None:
                insert_receipt(connection, receipt)
            if image.owner_id is not None:
                usage.charge(connection, image.owner_id, image.bytes, self._quota)
            if image.collection_id is not None:
                collection_queries.count_in(connection, image.collection_id)
            _insert_blob(connection, image.original.digest, image.bytes, image.created_at)
            connection.execute(_INSERT_IMAGE, [_values(image, job)])
            created = EventType.IMAGE_CREATED
            tell_image(connection, created, image.id, image.owner_id, image.created_at)
            insert_job(connection, job)

        await self._database.write(work)

    async def get(self, image_id: ImageId) -> Image:
        """The image with this id.

        Raises:
            NotFound: there is none.
        """
        row = await self._database.read(
            lambda connection: connection.execute(_ONE_IMAGE, {"id": image_id}).first()
        )
        if row is None:
            raise NotFound(NO_SUCH_ID)
        return image_of(row)

    async def usage(self, owner_id: UserId) -> Usage:
        """How much an owner keeps, and may keep."""
        return await self._database.read(
            lambda connection: usage.usage_of(connection, owner_id, self._quota)
        )

    async def in_collection(
        self,
        collection_id: CollectionId,
        visibilities: frozenset[Visibility],
        *,
        limit: int,
        after: UUID | None,
    ) -> Page[Image]:
        """Images of a collection that may be seen so, newest first, those older than `after`."""
        inside = select_images().where(images.c.collection_id == collection_id)
        if visibilities != frozenset(Visibility):
            inside = inside.where(images.c.visibility.in_(visibilities))
        query = newest(inside, images.c.id, limit=limit, after=after)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return page_of(rows, limit, image_of)

    async def several(self, image_ids: Sequence[ImageId]) -> dict[ImageId, Image]:
        """Those of some images that are there, by id."""
        query = select_images().where(images.c.id.in_(image_ids))
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return {row.id: image_of(row) for row in rows}

    async def edit(
        self,
        image_id: ImageId,
        change: Callable[[Image], Image],
        *,
        expected: Expected,
        now: datetime,
    ) -> Image:
        """Change what people edit; what changes nothing makes no new version.

        `change` gives for the image that is there the one that is wanted; it depends on nothing
        else. The compare and the write are one transaction.

        Raises:
            NotFound: there is no such image.
            PreconditionFailed: its version is none of those expected.
        """

        def work(connection: Connection) -> Image:
            row = connection.execute(_ONE_TO_CHANGE, {"id": image_id}).first()
            if row is None:
                raise NotFound(NO_SUCH_ID)
            current = image_of(row)
            check_version(current.version, expected)
            changed = change(current)
            if changed == current:
                return current
            changed = replace(changed, version=current.version + 1, updated_at=now)
            values = {name: getattr(changed, name) for name in (*EDITABLE, "version", "updated_at")}
            connection.execute(update(images).where(images.c.id == image_id).values(values))
            tell_image(connection, EventType.IMAGE_UPDATED, image_id, current.owner_id, now)
            return changed

        return await self._database.write(work)

    async def remove(self, image_id: ImageId, *, now: datetime) -> Removal:
        """Delete the row with its jobs, and the blob's row when no other image shares it.

        Its collection counts one image less.

        Raises:
            NotFound: there is no such image.
        """

        def work(connection: Connection) -> Removal:
            job_ids = tuple(connection.scalars(_OPEN_JOBS, {"image_id": image_id}))
            variant_keys = tuple(connection.scalars(_VARIANT_KEYS, {"image_id": image_id}))
            row = connection.execute(_DELETE_IMAGE, {"image_id": image_id}).first()
            if row is None:
                raise NotFound(NO_SUCH_ID)
            digest = row.sha256
            tell_image(connection, EventType.IMAGE_DELETED, image_id, row.owner_id, now)
            if row.collection_id is not None:
                collection_queries.count_out(connection, row.collection_id)
            if row.owner_id is not None:
                usage.refund(connection, row.owner_id, row.bytes)
            if _is_referenced(connection, digest):
                return Removal(
                    Digest(digest),
                    blob_is_orphaned=False,
                    variant_keys=variant_keys,
                    job_ids=job_ids,
                )
            mezzanine = connection.scalar(
                delete(blobs).where(blobs.c.sha256 == digest).returning(blobs.c.mezzanine_sha256)
            )
            return Removal(
                Digest(digest),
                blob_is_orphaned=True,
                variant_keys=variant_keys,
                mezzanine=None if mezzanine is None else Digest(mezzanine),
                job_ids=job_ids,
            )

        return await self._database.write(work, makes_room=True)

    async def remove_mezzanine(self, digest: Digest) -> bool:
        """Delete a mezzanine's row unless something still needs it; whether it was deleted."""

        def work(connection: Connection) -> bool:
            if _is_referenced(connection, digest):
                return False
            connection.execute(delete(blobs).where(blobs.c.sha256 == digest))
            return True

        return await self._database.write(work, makes_room=True)

    async def add_mezzanine(
        self, image_id: ImageId, digest: Digest, mezzanine: Mezzanine, size: int, now: datetime
    ) -> bool:
        """Record the mezzanine of an original that a job of an image made; its bytes are on disk.

        Returns:
            Whether the original has this mezzanine now: not if it is gone, or has another one.
        """

        def work(connection: Connection) -> bool:
            known = connection.execute(_MEZZANINE_OF, {"sha256": digest}).first()
            if known is None:
                return False
            mark_analysed(connection, image_id)
            if known.mezzanine_sha256 is not None:
                return bool(known.mezzanine_sha256 == mezzanine.digest)
            _insert_blob(connection, mezzanine.digest, size, now)
            connection.execute(
                update(blobs)
                .where(blobs.c.sha256 == digest)
                .values(
                    mezzanine_sha256=mezzanine.digest,
                    mezzanine_format=mezzanine.format,
                    mezzanine_width=mezzanine.width,
                    mezzanine_height=mezzanine.height,
                )
            )
            return True

        return await self._database.write(work)

    async def known_digests(self, digests: list[Digest]) -> set[Digest]:
        """Those of `digests` that a row points at or describes."""
        query = select(blobs.c.sha256).where(blobs.c.sha256.in_(digests))
        rows = await self._database.read(lambda connection: connection.scalars(query).all())
        return {Digest(row) for row in rows}

    async def uses_of(self, digest: Digest) -> list[tuple[str, ImageId, str]]:
        """What a blob is of: `original` or `mezzanine`, and the id and file name of the image."""
        reduced = select(blobs.c.sha256).where(blobs.c.mezzanine_sha256 == digest)
        query = (
            select(images.c.id, images.c.filename, images.c.sha256)
            .where((images.c.sha256 == digest) | images.c.sha256.in_(reduced))
            .order_by(images.c.id)
            .limit(MAX_USES)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [
            ("original" if row.sha256 == digest else "mezzanine", ImageId(row.id), row.filename)
            for row in rows
        ]

    async def digests_after(self, digest: str, limit: int) -> list[tuple[Digest, int]]:
        """Digests and sizes of the blobs' rows in order, from the one after `digest`."""
        query = (
            select(blobs.c.sha256, blobs.c.bytes)
            .where(blobs.c.sha256 > digest)
            .order_by(blobs.c.sha256)
            .limit(limit)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [(Digest(row.sha256), row.bytes) for row in rows]


def _is_referenced(connection: Connection, digest: str) -> bool:
    """Whether an image shares this blob, or an original has it for a mezzanine."""
    as_original = exists().where(images.c.sha256 == digest)
    as_mezzanine = exists().where(blobs.c.mezzanine_sha256 == digest)
    return bool(connection.scalar(select(as_original | as_mezzanine)))


def _insert_blob(connection: Connection, digest: Digest, size: int, now: datetime) -> None:
    row = {"sha256": digest, "bytes": size, "created_at": now}
    connection.execute(_INSERT_BLOB.on(connection), [row])


def select_images() -> Select[Any]:
    """Rows that `image_of` reads."""
    newest_job = jobs.c.status.label("job_status")
    described = images.join(blobs, blobs.c.sha256 == images.c.sha256)
    with_job = described.join(jobs, jobs.c.id == images.c.job_id, isouter=True)
    mezzanine = [column for column in ORIGINAL_COLUMNS if column.table is blobs]
    return select(images, *mezzanine, *FACT_COLUMNS, newest_job).select_from(with_job)


_INSERT_BLOB = Upsert(blobs, lambda insert: insert.on_conflict_do_nothing())
_newest = images.alias("newest")
_INSERT_IMAGE = insert(images).values(
    number=select(func.coalesce(func.max(_newest.c.number), 0) + 1).scalar_subquery()
)  # one writer at a time, so no two get the same
_OPEN_JOBS = select(jobs.c.id).where(
    jobs.c.image_id == bindparam("image_id"),
    jobs.c.status.in_([Status.PENDING, Status.PROCESSING]),
)
_VARIANT_KEYS = select(variants.c.key).where(variants.c.image_id == bindparam("image_id"))
_MEZZANINE_OF = select(blobs.c.mezzanine_sha256).where(blobs.c.sha256 == bindparam("sha256"))
_DELETE_IMAGE = (
    delete(images)
    .where(images.c.id == bindparam("image_id"))
    .returning(images.c.sha256, images.c.collection_id, images.c.owner_id, images.c.bytes)
)
_ONE_IMAGE = select_images().where(images.c.id == bindparam("id"))
_ONE_TO_CHANGE = _ONE_IMAGE.with_for_update(of=images)  # as in `collections`


def _values(image: Image, job: Job) -> dict[str, Any]:
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
        "status": image.status,
        "owner_id": image.owner_id,
        "collection_id": image.collection_id,
        "version": image.version,
        "job_id": job.id,
        "created_at": image.created_at,
        "updated_at": image.updated_at,
        "completed_at": image.completed_at,
        "dated_at": dated_at(image.exif, image.created_at),
        "name_key": name_key(image.filename),
    }


def image_of(row: Row[Any]) -> Image:
    """The image that a row of `select_images` describes."""
    return Image(
        id=ImageId(row.id),
        original=original_of(row),
        facts=facts_of(row),
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
        job_id=None if row.job_id is None else JobId(row.job_id),
        job_status=None if row.job_status is None else Status(row.job_status),
        owner_id=None if row.owner_id is None else UserId(row.owner_id),
        collection_id=None if row.collection_id is None else CollectionId(row.collection_id),
        version=row.version,
    )
