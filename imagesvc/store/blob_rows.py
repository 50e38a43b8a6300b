"""Rows of blobs: their sizes, and their uses."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, exists, select, update

from imagesvc.model.ids import Digest, ImageId
from imagesvc.model.images import Mezzanine
from imagesvc.store.db.schema.images import blobs, images
from imagesvc.store.db.upserts import Upsert
from imagesvc.store.originals import mark_analysed

MAX_USES = 20
"""Images of one blob that are named."""
_INSERT_BLOB = Upsert(blobs, lambda insert: insert.on_conflict_do_nothing())
_MEZZANINE_OF = select(blobs.c.mezzanine_sha256).where(blobs.c.sha256 == bindparam("sha256"))


def is_referenced(connection: Connection, digest: str) -> bool:
    """Whether an image shares this blob, or an original has it for a mezzanine."""
    as_original = exists().where(images.c.sha256 == digest)
    as_mezzanine = exists().where(blobs.c.mezzanine_sha256 == digest)
    return bool(connection.scalar(select(as_original | as_mezzanine)))


def insert_blob(connection: Connection, digest: Digest, size: int, now: datetime) -> None:
    """Insert the row of a blob, unless it exists."""
    row = {"sha256": digest, "bytes": size, "created_at": now}
    connection.execute(_INSERT_BLOB.on(connection), [row])


def remove_unused(connection: Connection, digest: Digest) -> bool:
    """Delete a blob's row unless something still needs it; whether it was deleted."""
    if is_referenced(connection, digest):
        return False
    connection.execute(delete(blobs).where(blobs.c.sha256 == digest))
    return True


def record_mezzanine(
    connection: Connection,
    image_id: ImageId,
    digest: Digest,
    mezzanine: Mezzanine,
    size: int,
    now: datetime,
) -> bool:
    """Record the mezzanine of an original; whether the original has this mezzanine now."""
    known = connection.execute(_MEZZANINE_OF, {"sha256": digest}).first()
    if known is None:
        return False
    mark_analysed(connection, image_id)
    if known.mezzanine_sha256 is not None:
        return bool(known.mezzanine_sha256 == mezzanine.digest)
    insert_blob(connection, mezzanine.digest, size, now)
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


def known_digests(connection: Connection, digests: list[Digest]) -> set[Digest]:
    """Those of `digests` that a row points at or describes."""
    query = select(blobs.c.sha256).where(blobs.c.sha256.in_(digests))
    return {Digest(row) for row in connection.scalars(query)}


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


def digests_after(connection: Connection, digest: str, limit: int) -> list[tuple[Digest, int]]:
    """Digests and sizes of the blobs' rows in order, from the one after `digest`."""
    query = (
        select(blobs.c.sha256, blobs.c.bytes)
        .where(blobs.c.sha256 > digest)
        .order_by(blobs.c.sha256)
        .limit(limit)
    )
    return [(Digest(row.sha256), row.bytes) for row in connection.execute(query)]
