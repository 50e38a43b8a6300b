"""Rows of blobs: their names, their sizes, and their uses."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, exists, func, select, update

from imagesvc.model.ids import BlobName, Digest, ImageId, digest_of, own_name_of
from imagesvc.model.images import Mezzanine
from imagesvc.store.db.schema.images import blobs, images
from imagesvc.store.db.upserts import Upsert
from imagesvc.store.originals import mark_analysed

MAX_USES = 20
"""Images of one blob that are named."""
_MEZZANINE_OF = select(blobs.c.mezzanine_sha256, blobs.c.mezzanine_name).where(
    blobs.c.sha256 == bindparam("sha256")
)


def is_referenced(connection: Connection, digest: str) -> bool:
    """Whether an image shares this blob, or an original has it for a mezzanine."""
    as_original = exists().where(images.c.sha256 == digest)
    as_mezzanine = exists().where(blobs.c.mezzanine_sha256 == digest)
    return bool(connection.scalar(select(as_original | as_mezzanine)))


def insert_blob(connection: Connection, name: BlobName, size: int, now: datetime) -> BlobName:
    """Insert the row of a blob, unless it exists; the name that the row has then."""
    digest = digest_of(name)
    row = {"sha256": digest, "bytes": size, "created_at": now, "name": own_name_of(name)}
    known: BlobName | None = connection.scalar(_INSERT_BLOB.on(connection), row)
    return _name(digest, known)


def _or_lock(insert: Any) -> Any:
    """Write a row that exists, so that a deletion of it at the same time waits or is repeated."""
    kept = {"bytes": insert.excluded.bytes}
    locked = insert.on_conflict_do_update(index_elements=["sha256"], set_=kept)
    return locked.returning(blobs.c.name)


_INSERT_BLOB = Upsert(blobs, _or_lock)


def _name(digest: str, own: BlobName | None) -> BlobName:
    return own or BlobName(digest)


def rename_blob(connection: Connection, old: BlobName, new: BlobName) -> bool:
    """Give a row the name of another blob with the same bytes; False if it has not the old one."""
    digest, name = digest_of(old), own_name_of(new)
    row = connection.execute(
        select(blobs.c.name).where(blobs.c.sha256 == digest).with_for_update()
    ).first()
    if row is None or _name(digest, row.name) != old:
        return False
    of_mezzanine = blobs.c.mezzanine_sha256 == digest
    connection.execute(update(blobs).where(blobs.c.sha256 == digest).values(name=name))
    connection.execute(update(blobs).where(of_mezzanine).values(mezzanine_name=name))
    return True


def remove_unused(connection: Connection, digest: Digest) -> BlobName | None:
    """Delete a blob's row unless something still needs it; the name that a deleted row had."""
    if is_referenced(connection, digest):
        return None
    deletion = delete(blobs).where(blobs.c.sha256 == digest).returning(blobs.c.name)
    row = connection.execute(deletion).first()
    return None if row is None else _name(digest, row.name)


def record_mezzanine(
    connection: Connection,
    image_id: ImageId,
    digest: Digest,
    mezzanine: Mezzanine,
    size: int,
    now: datetime,
) -> BlobName | None:
    """Record the mezzanine of an original; its name if the original has this mezzanine now."""
    known = connection.execute(_MEZZANINE_OF, {"sha256": digest}).first()
    if known is None:
        return None
    mark_analysed(connection, image_id)
    if known.mezzanine_sha256 is not None:
        is_same = known.mezzanine_sha256 == mezzanine.digest
        return _name(mezzanine.digest, known.mezzanine_name) if is_same else None
    name = insert_blob(connection, mezzanine.name, size, now)
    connection.execute(
        update(blobs)
        .where(blobs.c.sha256 == digest)
        .values(
            mezzanine_sha256=mezzanine.digest,
            mezzanine_format=mezzanine.format,
            mezzanine_width=mezzanine.width,
            mezzanine_height=mezzanine.height,
            mezzanine_name=own_name_of(name),
        )
    )
    return name


def names_of(connection: Connection, digests: Iterable[Digest]) -> set[BlobName]:
    """The names of the blobs of these digests that have rows."""
    query = select(blobs.c.sha256, blobs.c.name).where(blobs.c.sha256.in_(digests))
    return {_name(row.sha256, row.name) for row in connection.execute(query)}


def uses_of(connection: Connection, digest: Digest) -> list[tuple[str, ImageId, str]]:
    """The uses of a blob: `original` or `mezzanine`, and the id and file name of the image."""
    reduced = select(blobs.c.sha256).where(blobs.c.mezzanine_sha256 == digest)
    query = (
        select(images.c.id, images.c.filename, images.c.sha256)
        .where((images.c.sha256 == digest) | images.c.sha256.in_(reduced))
        .order_by(images.c.id)
        .limit(MAX_USES)
    )
    return [
        ("original" if row.sha256 == digest else "mezzanine", ImageId(row.id), row.filename)
        for row in connection.execute(query)
    ]


def count_blobs(connection: Connection) -> int:
    """How many blobs have rows."""
    count: int = connection.scalars(select(func.count()).select_from(blobs)).one()
    return count


def blobs_after(connection: Connection, digest: str, limit: int) -> list[tuple[BlobName, int]]:
    """Names and sizes of the blobs with rows in order, from the one after `digest`."""
    query = (
        select(blobs.c.sha256, blobs.c.bytes, blobs.c.name)
        .where(blobs.c.sha256 > digest)
        .order_by(blobs.c.sha256)
        .limit(limit)
    )
    return [(_name(row.sha256, row.name), row.bytes) for row in connection.execute(query)]
