"""Which files an owner has, by their digests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, select

from imagesvc.model.ids import Digest, ImageId, UserId
from imagesvc.store.db.database import Database
from imagesvc.store.db.json_rows import listed
from imagesvc.store.db.schema.columns import unindexed
from imagesvc.store.db.schema.images import images
from imagesvc.store.search.conditions import has_not_expired


class OwnedDigests:
    """The digests of the images of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def images_with(
        self, digests: Sequence[Digest], owner_id: UserId | None, *, now: datetime
    ) -> dict[Digest, tuple[ImageId, bool]]:
        """An image of the owner for each digest that there is one of, and whether it is trashed.

        One that is not in the trash is preferred, and then the newest. Without an owner, all images
        count: there are no accounts.
        """
        query = select(images.c.sha256, images.c.id, images.c.trashed_at).where(
            images.c.sha256.in_(listed(digests)), has_not_expired(images.c.number, now)
        )
        if owner_id is not None:
            query = query.where(unindexed(images.c.owner_id) == owner_id)

        def work(connection: Connection) -> dict[Digest, tuple[ImageId, bool]]:
            rows = [
                (row.trashed_at is None, row.id, row.sha256) for row in connection.execute(query)
            ]
            return {
                Digest(digest): (ImageId(image_id), not is_in_place)
                for is_in_place, image_id, digest in sorted(rows)
            }

        return await self._database.read(work)
