"""Queries about images and the blobs they point at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, delete, exists, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from imagesvc.errors import NotFound
from imagesvc.model import (
    Digest,
    Format,
    Image,
    ImageId,
    Job,
    JobId,
    Original,
    Status,
    Visibility,
)
from imagesvc.store import jobs as job_queries
from imagesvc.store.database import Database
from imagesvc.store.schema import blobs, images, jobs, variants


@dataclass(frozen=True, slots=True)
class Page:
    """Some images in order, and the id to go on after; None at the end."""

    images: list[Image]
    next_after: ImageId | None


@dataclass(frozen=True, slots=True)
class Removal:
    """What the deletion of an image's row leaves to do."""

    digest: Digest
    blob_is_orphaned: bool
    variant_keys: tuple[str, ...]  # of an orphaned blob


class ImageStore:
    """The images of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, image: Image, job: Job) -> None:
        """Insert an image, the blob it points at unless that is known, and its job.

        One transaction: after it, the upload is acknowledged (invariant 1). The blob's bytes
        must be on disk before (invariant 2).
        """

        def work(connection: Connection) -> None:
            _insert_blob(connection, image.original.digest, image.bytes, image.created_at)
            connection.execute(_INSERT_IMAGE, [_values(image, job)])
            job_queries.insert_job(connection, job)

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
            raise NotFound("There is no image with this id.")
        return _image(row)

    async def page(self, *, limit: int, after: ImageId | None) -> Page:
        """Images newest first, those older than `after`; ids sort by creation."""
        query = _select_images().order_by(images.c.id.desc()).limit(limit + 1)
        if after is not None:
            query = query.where(images.c.id < after)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        found = [_image(row) for row in rows[:limit]]
        return Page(found, found[-1].id if len(rows) > limit else None)

    async def remove(self, image_id: ImageId) -> Removal:
        """Delete the row with its jobs, and the blob's row when no other image shares it.

        Raises:
            NotFound: there is no such image.
        """

        def work(connection: Connection) -> Removal:
            digest = connection.scalar(
                delete(images).where(images.c.id == image_id).returning(images.c.sha256)
            )
            if digest is None:
                raise NotFound("There is no image with this id.")
            shared = connection.scalar(select(exists().where(images.c.sha256 == digest)))
            if shared:
                return Removal(Digest(digest), blob_is_orphaned=False, variant_keys=())
            keys = connection.scalars(select(variants.c.key).where(variants.c.sha256 == digest))
            removal = Removal(Digest(digest), blob_is_orphaned=True, variant_keys=tuple(keys))
            connection.execute(delete(blobs).where(blobs.c.sha256 == digest))
            return removal

        return await self._database.write(work)

    async def known_digests(self, digests: list[Digest]) -> set[Digest]:
        """Those of `digests` that a row points at or describes."""
        query = select(blobs.c.sha256).where(blobs.c.sha256.in_(digests))
        rows = await self._database.read(lambda connection: connection.scalars(query).all())
        return {Digest(row) for row in rows}

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

    async def ids_of_digest(self, digest: Digest) -> list[ImageId]:
        """The images that share this blob."""
        query = select(images.c.id).where(images.c.sha256 == digest).order_by(images.c.id)
        rows = await self._database.read(lambda connection: connection.scalars(query).all())
        return [ImageId(row) for row in rows]

    async def remove_unused_blob_rows(self) -> int:
        """Delete rows of blobs that no image points at; their files are collected later."""
        unused = ~exists().where(images.c.sha256 == blobs.c.sha256)
        return await self._database.write(
            lambda connection: connection.execute(delete(blobs).where(unused)).rowcount
        )

    async def count(self) -> int:
        """How many images there are: a scan, for reports and never for a page."""
        query = select(func.count()).select_from(images)
        return await self._database.read(lambda connection: connection.scalar(query) or 0)


def _insert_blob(connection: Connection, digest: Digest, size: int, now: datetime) -> None:
    row = {"sha256": digest, "bytes": size, "created_at": now}
    connection.execute(_INSERT_BLOB[connection.dialect.name], [row])


def _select_images() -> Select[Any]:
    newest_job = jobs.c.status.label("job_status")
    return select(images, newest_job).join(jobs, jobs.c.id == images.c.job_id, isouter=True)


_INSERT_BLOB = {
    "sqlite": sqlite.insert(blobs).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(blobs).on_conflict_do_nothing(),
}
_INSERT_IMAGE = insert(images)
_ONE_IMAGE = _select_images().where(images.c.id == bindparam("id"))


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
        "bytes": image.bytes,
        "filename": image.filename,
        "title": image.title,
        "description": image.description,
        "tags": list(image.tags),
        "exif": image.exif,
        "visibility": image.visibility,
        "status": image.status,
        "job_id": job.id,
        "created_at": image.created_at,
        "updated_at": image.updated_at,
        "completed_at": image.completed_at,
    }


def _image(row: Row[Any]) -> Image:
    original = Original(
        digest=Digest(row.sha256),
        format=Format(row.format),
        width=row.width,
        height=row.height,
        frames=row.frames,
        has_alpha=row.has_alpha,
        decode_bytes=row.decode_bytes,
    )
    return Image(
        id=ImageId(row.id),
        original=original,
        bytes=row.bytes,
        filename=row.filename,
        title=row.title,
        description=row.description,
        tags=tuple(row.tags),
        visibility=Visibility(row.visibility),
        status=Status(row.status),
        exif=row.exif,
        created_at=row.created_at,
        updated_at=row.updated_at,
        completed_at=row.completed_at,
        job_id=None if row.job_id is None else JobId(row.job_id),
        job_status=None if row.job_status is None else Status(row.job_status),
    )
