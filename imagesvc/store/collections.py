"""Queries about collections; the number of images in each is kept where it changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, Select, bindparam, delete, insert, select, update

from imagesvc.errors import NO_SUCH_ID, Conflict, InvalidRequest, NotFound
from imagesvc.model.ids import CollectionId, ImageId, UserId
from imagesvc.model.images import Collection, Viewer, Visibility
from imagesvc.store.db.database import Database
from imagesvc.store.db.pages import Page, newest, page_of
from imagesvc.store.db.schema.images import collections, images
from imagesvc.store.events import EventType, record_image_event
from imagesvc.store.versions import Expected, check_version

EDITABLE = ("title", "description", "visibility", "cover_id")


class CollectionStore:
    """The collections of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, collection: Collection) -> None:
        """Insert a collection without images."""
        values = {column.name: getattr(collection, column.name) for column in collections.c}
        await self._database.write(
            lambda connection: connection.execute(insert(collections), [values])
        )

    async def get(self, collection_id: CollectionId) -> Collection:
        """The collection with this id.

        Raises:
            NotFound: there is none.
        """
        return await self._database.read(lambda connection: _get(connection, collection_id))

    async def page(self, viewer: Viewer, *, limit: int, after: UUID | None) -> Page[Collection]:
        """Collections, the newest first, older than `after`."""
        ids = select(collections.c.id)
        query = newest(ids, collections.c.id, limit=limit, after=after)
        if not viewer.sees_all:  # each half ends after a page, however many the others have
            own = query.where(collections.c.owner_id == viewer.owner_id).subquery()
            public = query.where(collections.c.visibility == Visibility.PUBLIC).subquery()
            either = select(own.c.id).union(select(public.c.id)).subquery()
            query = newest(select(either.c.id), either.c.id, limit=limit, after=None)
        whole = _EVERY.where(collections.c.id.in_(query.scalar_subquery())).order_by(
            collections.c.id.desc()
        )
        rows = await self._database.read(lambda connection: connection.execute(whole).all())
        return page_of(rows, limit, _collection)

    async def edit(
        self,
        collection_id: CollectionId,
        change: Callable[[Collection], Collection],
        *,
        expected: Expected,
        now: datetime,
    ) -> Collection:
        """Change the editable fields; without changes there is no new version.

        `change` returns the wanted collection for the existing one; it depends on nothing else. The
        compare and the write are one transaction.

        Raises:
            NotFound: there is no such collection.
            PreconditionFailed: its version is none of those expected.
            InvalidRequest: its new cover is not in it.
        """

        def work(connection: Connection) -> Collection:
            current = _get(connection, collection_id, for_update=True)
            check_version(current.version, expected)
            changed = change(current)
            if changed == current:
                return current
            if changed.cover_id not in {None, current.cover_id}:
                _check_cover(connection, changed)
            changed = replace(changed, version=current.version + 1, updated_at=now)
            values = {name: getattr(changed, name) for name in (*EDITABLE, "version", "updated_at")}
            connection.execute(
                update(collections).where(collections.c.id == collection_id).values(values)
            )
            return changed

        return await self._database.write(work)

    async def remove(self, collection_id: CollectionId) -> None:
        """Delete an empty collection; images in the trash no longer belong to it.

        Raises:
            NotFound: there is no such collection.
            Conflict: there are images in it.
        """

        def work(connection: Connection) -> None:
            trashed = images.c.trashed_at.is_not(None)
            connection.execute(
                update(images)
                .where(images.c.collection_id == collection_id, trashed)
                .values(collection_id=None)
            )
            done = connection.execute(
                delete(collections).where(
                    collections.c.id == collection_id, collections.c.image_count == 0
                )
            )
            if not done.rowcount:
                count = _get(connection, collection_id).image_count
                raise Conflict(f"This collection has images ({count}); remove them first.")

        await self._database.write(work, may_use_reserve=True)

    async def put_in(
        self,
        collection_id: CollectionId,
        image_ids: Sequence[ImageId],
        *,
        leaves_others: bool = False,
        now: datetime,
    ) -> None:
        """Put images into a collection, all or none; those that are in it already stay.

        Raises:
            NotFound: there is no such collection, or not every image.
            Conflict: an image is in another collection, and may not leave it.
        """

        def work(connection: Connection) -> None:
            _get(connection, collection_id)
            places = _places(connection, image_ids)
            elsewhere = [
                (f"data.{position}.id", "is in another collection")
                for position, image_id in enumerate(image_ids)
                if places[image_id] not in {None, collection_id}
            ]
            if elsewhere and not leaves_others:
                raise Conflict("An image can be in one collection only.", tuple(elsewhere))
            for before in set(places.values()) - {collection_id}:
                new = [image_id for image_id, place in places.items() if place == before]
                _move(connection, new, before, collection_id, now)
                count_images(connection, collection_id, len(new))
                if before is not None:
                    count_images(connection, before, -len(new))

        await self._database.write(work)

    async def take_out(
        self, collection_id: CollectionId, image_ids: Sequence[ImageId], *, now: datetime
    ) -> None:
        """Remove images from a collection, all or none; images that are not in it are unchanged.

        Raises:
            NotFound: there is no such collection, or not every image.
        """

        def work(connection: Connection) -> None:
            _get(connection, collection_id)
            places = _places(connection, image_ids)
            leaving = [image_id for image_id, place in places.items() if place == collection_id]
            _move(connection, leaving, collection_id, None, now)
            count_images(connection, collection_id, -len(leaving))

        await self._database.write(work)


def count_images(connection: Connection, collection_id: CollectionId, more: int) -> bool:
    """Count more images, or fewer; returns whether the collection exists."""
    if more == 0:
        return True
    values = {"counted": collection_id, "more": more}
    return connection.execute(_COUNT, values).rowcount == 1


def count_in(connection: Connection, collection_id: CollectionId) -> None:
    """Count one image more, within the transaction that inserts its row.

    Raises:
        InvalidRequest: there is no such collection.
    """
    if not count_images(connection, collection_id, 1):
        raise no_collection()


def no_collection() -> InvalidRequest:
    """The error of an upload into a collection that is not there."""
    message = "names no collection"
    return InvalidRequest(f"collection_id {message}.", (("collection_id", message),))


_COUNT = (
    update(collections)
    .where(collections.c.id == bindparam("counted"))
    .values(image_count=collections.c.image_count + bindparam("more"))
)
"""`updated_at` stays: it would reveal when private images are added and removed."""


def _places(
    connection: Connection, image_ids: Sequence[ImageId]
) -> dict[ImageId, CollectionId | None]:
    """The collection that each image is in.

    Raises:
        NotFound: naming the images that are not there.
    """
    query = select(images.c.id, images.c.collection_id).where(
        images.c.id.in_(image_ids), images.c.trashed_at.is_(None)
    )
    places = {row.id: row.collection_id for row in connection.execute(query)}
    missing = [
        (f"data.{position}.id", "names no image")
        for position, image_id in enumerate(image_ids)
        if image_id not in places
    ]
    if missing:
        raise NotFound(NO_SUCH_ID, tuple(missing))
    return places


def _move(
    connection: Connection,
    image_ids: list[ImageId],
    before: CollectionId | None,
    after: CollectionId | None,
    now: datetime,
) -> None:
    moved = connection.execute(
        update(images)
        .where(images.c.id.in_(image_ids), images.c.collection_id == before)
        .values(collection_id=after)
        .returning(images.c.id, images.c.owner_id)
    ).all()
    if len(moved) != len(image_ids):  # where writers do not wait for each other anyway
        raise Conflict("Another request has moved an image at the same time.")
    for row in moved:
        record_image_event(connection, EventType.IMAGE_UPDATED, row.id, row.owner_id, now)


def _get(
    connection: Connection, collection_id: CollectionId, *, for_update: bool = False
) -> Collection:
    query = _ONE_TO_CHANGE if for_update else _ONE
    row = connection.execute(query, {"wanted": collection_id}).first()
    if row is None:
        raise NotFound(NO_SUCH_ID)
    return _collection(row)


def _check_cover(connection: Connection, collection: Collection) -> None:
    if connection.scalar(_cover(collection.id, collection.cover_id)) is None:
        message = "names no image of this collection"
        raise InvalidRequest(f"cover_image_id {message}.", (("cover_image_id", message),))


def _cover(collection_id: Any, cover_id: Any) -> Select[Any]:
    """The chosen cover, unless it has left the collection since; ids may be columns."""
    return select(images.c.id).where(
        images.c.id == cover_id,
        images.c.collection_id == collection_id,
        images.c.trashed_at.is_(None),
    )


_EVERY: Select[Any] = select(
    *(column for column in collections.c if column is not collections.c.cover_id),
    _cover(collections.c.id, collections.c.cover_id).scalar_subquery().label("cover_id"),
)
_ONE = _EVERY.where(collections.c.id == bindparam("wanted"))
_ONE_TO_CHANGE = _ONE.with_for_update()  # where writers do not wait for each other anyway


def _collection(row: Row[Any]) -> Collection:
    return Collection(
        id=CollectionId(row.id),
        owner_id=None if row.owner_id is None else UserId(row.owner_id),
        title=row.title,
        description=row.description,
        visibility=Visibility(row.visibility),
        image_count=row.image_count,
        cover_id=None if row.cover_id is None else ImageId(row.cover_id),
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
