"""Queries about stored variants: a variant counts as stored when it has a row."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, select, update

from imagesvc.model.formats import Format
from imagesvc.model.ids import ImageId, VariantKey
from imagesvc.model.images import Variant
from imagesvc.model.jobs import Status
from imagesvc.store.db.database import Database
from imagesvc.store.db.schema.images import images, variants
from imagesvc.store.db.schema.jobs import jobs
from imagesvc.store.db.upserts import Upsert

COPY = "copy:"
"""Begins the `transform` of a row about a copy of the original, which no transform has made."""

_ONE_VARIANT = select(variants).where(variants.c.key == bindparam("key"))
_SOME_VARIANTS = select(variants).where(variants.c.key.in_(bindparam("keys", expanding=True)))


class VariantStore:
    """The rows about variants of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, key: VariantKey) -> Variant | None:
        """The variant with this key, or None."""
        row = await self._database.read(
            lambda connection: connection.execute(_ONE_VARIANT, {"key": key}).first()
        )
        return None if row is None else _variant(row)

    async def find_all(self, keys: Sequence[VariantKey]) -> dict[VariantKey, Variant]:
        """Those of these variants that are stored."""
        rows = await self._database.read(
            lambda connection: connection.execute(_SOME_VARIANTS, {"keys": keys}).all()
        )
        return {VariantKey(row.key): _variant(row) for row in rows}

    async def of_image(self, image_id: ImageId) -> list[Variant]:
        """All stored variants of one image, the most recently used first."""
        query = (
            select(variants)
            .where(variants.c.image_id == image_id, variants.c.transform.not_like(f"{COPY}%"))
            .order_by(variants.c.last_used_at.desc(), variants.c.key)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_variant(row) for row in rows]

    async def add(self, made: Sequence[Variant]) -> set[VariantKey]:
        """Record variants whose files exist; those of deleted images are left out.

        Returns:
            The keys recorded. The others' files are the caller's to remove.
        """

        def work(connection: Connection) -> set[VariantKey]:
            image_ids = {variant.image_id for variant in made}
            alive = set(connection.scalars(select(images.c.id).where(images.c.id.in_(image_ids))))
            kept = [variant for variant in made if variant.image_id in alive]
            upsert(connection, kept)
            return {variant.key for variant in kept}

        return await self._database.write(work, wakes=False)

    async def remove(self, keys: Sequence[VariantKey]) -> None:
        """Delete the rows of these variants; unknown keys are ignored."""
        query = delete(variants).where(variants.c.key.in_(keys))
        await self._database.write(
            lambda connection: connection.execute(query), may_use_reserve=True
        )

    async def remove_of_images(self, image_ids: Sequence[ImageId]) -> list[VariantKey]:
        """Delete the rows of the variants of some images; their keys."""
        query = delete(variants).where(variants.c.image_id.in_(image_ids)).returning(variants.c.key)
        rows = await self._database.write(
            lambda connection: connection.scalars(query).all(), may_use_reserve=True
        )
        return [VariantKey(row) for row in rows]

    async def touch(self, used: dict[VariantKey, datetime]) -> None:
        """Record when variants were last used."""
        statement = (
            update(variants)
            .where(variants.c.key == bindparam("used_key"))
            .values(last_used_at=bindparam("used_at"))
        )
        rows = [{"used_key": key, "used_at": instant} for key, instant in used.items()]
        await self._database.write(
            lambda connection: connection.execute(statement, rows), wakes=False
        )

    async def total_bytes(self) -> int:
        """Bytes of all stored variants together."""
        query = select(func.coalesce(func.sum(variants.c.bytes), 0))
        return await self._database.read(lambda connection: int(connection.scalar(query) or 0))

    async def least_recently_used(self, limit: int) -> list[Variant]:
        """The least recently used variants."""
        query = select(variants).order_by(variants.c.last_used_at).limit(limit)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_variant(row) for row in rows]

    async def known_keys(self, keys: Sequence[VariantKey]) -> set[VariantKey]:
        """Those of `keys` that have a row."""
        query = select(variants.c.key).where(variants.c.key.in_(keys))
        rows = await self._database.read(lambda connection: connection.scalars(query).all())
        return {VariantKey(row) for row in rows}

    async def unneeded(self, made: Sequence[Variant]) -> list[VariantKey]:
        """The keys of those without a row that no job adds either.

        A job that another worker was given may have written the same objects.
        """
        image_ids = {variant.image_id for variant in made}
        in_work = select(jobs.c.image_id).where(
            jobs.c.image_id.in_(image_ids), jobs.c.status.in_((Status.PENDING, Status.PROCESSING))
        )
        busy = await self._database.read(lambda connection: {*connection.scalars(in_work)})
        left = [variant.key for variant in made if variant.image_id not in busy]
        known = await self.known_keys(left)
        return [key for key in left if key not in known]


def upsert(connection: Connection, made: Sequence[Variant]) -> None:
    """Insert rows, or replace those with the same keys, within the caller's transaction."""
    if not made:
        return
    connection.execute(_UPSERT.on(connection), [_values(variant) for variant in made])


def _or_replace(insert: Any) -> Any:
    replaced = {
        column.name: insert.excluded[column.name]
        for column in variants.c
        if column.name not in {"key", "created_at"}
    }
    return insert.on_conflict_do_update(index_elements=["key"], set_=replaced)


_UPSERT = Upsert(variants, _or_replace)


def _values(variant: Variant) -> dict[str, Any]:
    return {
        "key": variant.key,
        "image_id": variant.image_id,
        "transform": variant.transform,
        "format": variant.format,
        "width": variant.width,
        "height": variant.height,
        "bytes": variant.bytes,
        "crc32": variant.crc32,
        "created_at": variant.created_at,
        "last_used_at": variant.last_used_at,
    }


def _variant(row: Row[Any]) -> Variant:
    return Variant(
        key=VariantKey(row.key),
        image_id=ImageId(row.image_id),
        transform=row.transform,
        format=Format(row.format),
        width=row.width,
        height=row.height,
        bytes=row.bytes,
        crc32=row.crc32,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
    )
