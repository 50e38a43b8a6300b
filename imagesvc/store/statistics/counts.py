"""How much is stored: of whom, in which format, and with which status.

The queries read whole tables, for one request at a time of an operator.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, select

from imagesvc.store.db.database import Database
from imagesvc.store.db.schema.accounts import users
from imagesvc.store.db.schema.images import blobs, images, variants
from imagesvc.store.db.schema.jobs import jobs


@dataclass(frozen=True, slots=True)
class Amount:
    """A number of things, and their bytes together."""

    count: int = 0
    bytes: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.count + other.count, self.bytes + other.bytes)


@dataclass(frozen=True, slots=True)
class Stored:
    """What one owner has in one format."""

    owner_id: UUID | None
    owner: str | None
    """The name; None for images without an owner."""
    format: str
    originals: Amount
    """Not those in the trash."""
    trash: Amount
    variants: Amount


@dataclass(frozen=True, slots=True)
class Counts:
    """What the tables say."""

    stored: Sequence[Stored]
    """The most bytes first."""
    images_by_status: dict[str, int]
    images_by_visibility: dict[str, int]
    jobs: dict[str, int]
    originals: Amount
    """The files of originals; images with equal bytes share one."""
    mezzanines: Amount


_AMOUNT = (func.count(), func.coalesce(func.sum(images.c.bytes), 0))
_IS_TRASHED = images.c.trashed_at.is_not(None)
_ORIGINALS = select(images.c.owner_id, images.c.format, _IS_TRASHED, *_AMOUNT).group_by(
    images.c.owner_id, images.c.format, _IS_TRASHED
)
_VARIANTS = (
    select(images.c.owner_id, variants.c.format, func.count(), func.sum(variants.c.bytes))
    .select_from(variants.join(images, images.c.id == variants.c.image_id))
    .group_by(images.c.owner_id, variants.c.format)
)
_NAMES = select(users.c.id, users.c.name)
_REDUCED = select(blobs.c.mezzanine_sha256).where(blobs.c.mezzanine_sha256.is_not(None))
_BLOBS = select(
    blobs.c.sha256.in_(_REDUCED).label("is_mezzanine"), func.count(), func.sum(blobs.c.bytes)
).group_by("is_mezzanine")


class Statistics:
    """The counts of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def counts(self) -> Counts:
        """Count everything."""
        return await self._database.read(_counts)


def _counts(connection: Connection) -> Counts:
    of_files = {
        is_mezzanine: Amount(count, size or 0)
        for is_mezzanine, count, size in connection.execute(_BLOBS)
    }
    return Counts(
        stored=_stored(connection),
        images_by_status=_by(connection, images.c.status),
        images_by_visibility=_by(connection, images.c.visibility),
        jobs=_by(connection, jobs.c.status),
        originals=of_files.get(False, Amount()),
        mezzanines=of_files.get(True, Amount()),
    )


def _by(connection: Connection, column: Any) -> dict[str, int]:
    query = select(column, func.count()).group_by(column).order_by(column)
    return {str(value): count for value, count in connection.execute(query)}


def _stored(connection: Connection) -> list[Stored]:
    names = {row.id: row.name for row in connection.execute(_NAMES)}
    kept: dict[tuple[UUID | None, str], dict[str, Amount]] = {}
    for owner_id, kind, is_trashed, count, size in connection.execute(_ORIGINALS):
        place = "trash" if is_trashed else "originals"
        kept.setdefault((owner_id, kind), {})[place] = Amount(count, size)
    for owner_id, kind, count, size in connection.execute(_VARIANTS):
        kept.setdefault((owner_id, kind), {})["variants"] = Amount(count, size)
    found = [
        Stored(
            owner_id,
            None if owner_id is None else names.get(owner_id),
            kind,
            *(amounts.get(place, Amount()) for place in ("originals", "trash", "variants")),
        )
        for (owner_id, kind), amounts in kept.items()
    ]
    return sorted(found, key=lambda it: -(it.originals + it.trash + it.variants).bytes)
