"""Queries about images and the blobs they point at."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, bindparam, insert, select, update

from imagesvc.errors import NO_SUCH_ID, NotFound
from imagesvc.model.accounts import Quota, Usage
from imagesvc.model.ids import BlobName, CollectionId, Digest, ImageId, UserId, digest_of, utc_now
from imagesvc.model.images import Image, Mezzanine, Visibility
from imagesvc.model.jobs import Job
from imagesvc.model.trash import Condition
from imagesvc.model.uploads import IdempotencyRecord
from imagesvc.store import blob_rows, usage
from imagesvc.store import collections as collection_queries
from imagesvc.store.db.database import Database
from imagesvc.store.db.numbers import next_number
from imagesvc.store.db.pages import Page, newest, page_of
from imagesvc.store.db.schema.images import images
from imagesvc.store.events import EventType, record_image_event
from imagesvc.store.idempotency import insert_record
from imagesvc.store.image_rows import edited_values, image_of, image_values, select_images
from imagesvc.store.jobs.rows import insert_job
from imagesvc.store.pending_uploads import use_pending
from imagesvc.store.removal.deletion import Removal, delete_image
from imagesvc.store.removal.trash import in_trash
from imagesvc.store.search.conditions import has_not_expired
from imagesvc.store.sources.titled_collections import find_or_make
from imagesvc.store.versions import Expected, check_version


class ImageStore:
    """The images of one database."""

    def __init__(
        self,
        database: Database,
        quota: Quota | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._quota = quota or Quota()
        self._clock = clock

    async def add(
        self,
        image: Image,
        job: Job,
        record: IdempotencyRecord | None = None,
        *,
        uses_pending: bool = False,
        collection_title: str = "",
    ) -> Image:
        """Insert an image, its blob unless that is known, its job, and the idempotency record.

        One transaction: after it, the upload is acknowledged (invariant 1), and the image is in
        its collection. The blob's bytes must be on disk before (invariant 2); if the blob is known
        under another name, the image has that. A collection named by its title is made with its
        first image.

        Returns:
            The image as it is stored.

        Raises:
            InvalidRequest: there is no such collection.
            QuotaExceeded: its owner may keep no more; nothing was changed.
            RequestInProgress: another node was faster with the same key.
            Conflict: `uses_pending`, and the upload pending of this image is used up already.
        """

        def work(connection: Connection) -> Image:
            if uses_pending:
                use_pending(connection, image.id)
            if record is not None:
                insert_record(connection, record)
            if image.owner_id is not None:
                usage.charge(connection, image.owner_id, image.bytes, self._quota)
            placed = _placed(connection, image, collection_title)
            if placed.collection_id is not None:
                collection_queries.count_in(connection, placed.collection_id)
            name = blob_rows.insert_blob(
                connection, image.original.name, image.bytes, image.created_at
            )
            connection.execute(_INSERT_IMAGE, [image_values(placed, job)])
            created = EventType.IMAGE_CREATED
            record_image_event(connection, created, image.id, image.owner_id, image.created_at)
            insert_job(connection, job)
            return placed.stored_as(name)

        return await self._database.write(work)

    async def get(self, image_id: ImageId) -> Image:
        """The image with this id.

        Raises:
            NotFound: there is none, or it has expired.
        """
        image = await self.find(image_id)
        if image is None:
            raise NotFound(NO_SUCH_ID)
        return image

    async def find(self, image_id: ImageId) -> Image | None:
        """The image with this id; None if there is none, or it has expired."""
        row = await self._database.read(
            lambda connection: connection.execute(_ONE_IMAGE, {"id": image_id}).first()
        )
        image = None if row is None else image_of(row)
        return None if image is None or image.has_expired(self._clock()) else image

    async def usage(self, owner_id: UserId) -> Usage:
        """The usage and the quota of an owner."""
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
        inside = select_images().where(
            images.c.collection_id == collection_id,
            images.c.trashed_at.is_(None),
            has_not_expired(images.c.number, self._clock()),
        )
        if visibilities != frozenset(Visibility):
            inside = inside.where(images.c.visibility.in_(visibilities))
        query = newest(inside, images.c.id, limit=limit, after=after)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return page_of(rows, limit, image_of)

    async def several(self, image_ids: Sequence[ImageId]) -> dict[ImageId, Image]:
        """The existing ones of some images, by id."""
        query = select_images().where(images.c.id.in_(image_ids))
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        found, now = map(image_of, rows), self._clock()
        return {image.id: image for image in found if not image.has_expired(now)}

    async def edit(
        self,
        image_id: ImageId,
        change: Callable[[Image], Image],
        *,
        expected: Expected,
        now: datetime,
    ) -> Image:
        """Change the editable fields; without changes there is no new version.

        `change` returns the wanted image for the existing one; it depends on nothing else. The
        compare and the write are one transaction.

        Raises:
            NotFound: there is no such image.
            Conflict: it is in the trash.
            PreconditionFailed: its version is none of those expected.
        """

        def work(connection: Connection) -> Image:
            row = connection.execute(_ONE_TO_CHANGE, {"id": image_id}).first()
            if row is None or (current := image_of(row)).has_expired(now):
                raise NotFound(NO_SUCH_ID)
            if current.is_trashed:
                raise in_trash()
            check_version(current.version, expected)
            changed = change(current)
            if changed == current:
                return current
            changed = replace(changed, version=current.version + 1, updated_at=now)
            values = edited_values(changed)
            connection.execute(update(images).where(images.c.id == image_id).values(values))
            record_image_event(connection, EventType.IMAGE_UPDATED, image_id, current.owner_id, now)
            return changed

        return await self._database.write(work)

    async def digest_of(self, image_id: ImageId) -> Digest:
        """The digest of an image's original.

        Raises:
            NotFound: there is no such image.
        """
        query = select(images.c.sha256).where(images.c.id == image_id)
        digest = await self._database.read(lambda connection: connection.scalar(query))
        if digest is None:
            raise NotFound(NO_SUCH_ID)
        return Digest(digest)

    async def remove(
        self, image_id: ImageId, *, now: datetime, only_if: Condition | None = None
    ) -> Removal:
        """Delete the row with its jobs, and the blob's row when no other image shares it.

        Its collection counts one image less, unless it is in the trash.

        Raises:
            NotFound: there is no such image, or it does not meet the condition.
        """
        return await self._database.write(
            lambda connection: delete_image(connection, image_id, now, only_if),
            may_use_reserve=True,
        )

    async def remove_mezzanine(self, digest: Digest) -> BlobName | None:
        """Delete a mezzanine's row unless something still needs it; the name it had."""
        return await self._database.write(
            lambda connection: blob_rows.remove_unused(connection, digest), may_use_reserve=True
        )

    async def add_mezzanine(
        self, image_id: ImageId, digest: Digest, mezzanine: Mezzanine, size: int, now: datetime
    ) -> BlobName | None:
        """Record the mezzanine of an original that a job of an image made; its bytes are on disk.

        Returns:
            The name of the mezzanine, which may have been stored before; None if the original is
            gone, or has another one.
        """
        return await self._database.write(
            lambda connection: blob_rows.record_mezzanine(
                connection, image_id, digest, mezzanine, size, now
            )
        )

    async def known_names(self, names: Collection[BlobName]) -> set[BlobName]:
        """Those of `names` that rows have."""
        digests = {digest_of(name) for name in names}
        return (await self._names_of(digests)).intersection(names)

    async def name_of(self, digest: Digest) -> BlobName | None:
        """The name of the blob with these bytes; None if no row describes it."""
        return next(iter(await self._names_of({digest})), None)

    async def _names_of(self, digests: set[Digest]) -> set[BlobName]:
        return await self._database.read(lambda connection: blob_rows.names_of(connection, digests))

    async def rename_blob(self, old: BlobName, new: BlobName) -> bool:
        """Point at another blob with the same bytes; False if the old name is not in use."""
        return await self._database.write(
            lambda connection: blob_rows.rename_blob(connection, old, new)
        )

    async def uses_of(self, digest: Digest) -> list[tuple[str, ImageId, str]]:
        """The uses of a blob: `original` or `mezzanine`, and the id and file name of the image."""
        return await self._database.read(lambda connection: blob_rows.uses_of(connection, digest))

    async def blobs_after(self, digest: str, limit: int) -> list[tuple[BlobName, int]]:
        """Names and sizes of the blobs with rows in order, from the one after `digest`."""
        return await self._database.read(
            lambda connection: blob_rows.blobs_after(connection, digest, limit)
        )


def _placed(connection: Connection, image: Image, title: str) -> Image:
    if not title:
        return image
    found = find_or_make(connection, title, image.owner_id, image.visibility, image.created_at)
    return replace(image, collection_id=found)


_INSERT_IMAGE = insert(images).values(number=next_number())
_ONE_IMAGE = select_images().where(images.c.id == bindparam("id"))
_ONE_TO_CHANGE = _ONE_IMAGE.with_for_update(of=images)  # as in `collections`
