"""Edits of many images, some of them in each transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection, bindparam, select, update

from imagesvc.errors import NO_SUCH_ID, ImagesvcError, NotFound
from imagesvc.model.ids import CollectionId, ImageId
from imagesvc.model.images import Image
from imagesvc.store.collections import count_images, no_collection
from imagesvc.store.db.database import Database
from imagesvc.store.db.schema.images import images
from imagesvc.store.events import EventType, record_image_event
from imagesvc.store.image_rows import edited_values, image_of, select_images
from imagesvc.store.removal.trash import in_trash
from imagesvc.store.search.conditions import is_in_place, is_visible
from imagesvc.store.search.listing import ImageFilter, Order, Position, Sort
from imagesvc.store.search.search import Asked, page_numbers
from imagesvc.store.search.walks import numbers_in

_BY_UPLOAD = Order(Sort.CREATED, is_descending=True)


@dataclass(slots=True)
class Edited:
    """What edits of several images have done."""

    changed: list[ImageId] = field(default_factory=list)
    unchanged: int = 0
    errors: dict[ImageId, ImagesvcError] = field(default_factory=dict)
    """Why images were not changed."""


class BulkEdits:
    """Edits of many images of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def edit(
        self, image_ids: Sequence[ImageId], change: Callable[[Image], Image], *, now: datetime
    ) -> Edited:
        """Change images in one transaction: editable fields, and the collection.

        `change` returns the wanted image for the existing one, or raises an error that concerns
        this image alone; it depends on nothing else.

        Raises:
            InvalidRequest: there is no such collection; nothing was changed.
        """
        ids = list(dict.fromkeys(image_ids))
        return await self._database.write(lambda connection: _edit(connection, ids, change, now))

    async def found(
        self, wanted: ImageFilter, *, limit: int, after: Position | None
    ) -> tuple[dict[ImageId, int], Position | None]:
        """Some images of a list with their bytes, and the position to continue after.

        The newest upload comes first.

        Raises:
            InvalidQuery: as for a page of the list.
        """

        def work(connection: Connection) -> tuple[dict[ImageId, int], Position | None]:
            asked = Asked(connection, wanted, _BY_UPLOAD)
            numbers, next_after = page_numbers(asked, limit, after)
            query = select(images.c.id, images.c.bytes).where(
                numbers_in(numbers), is_in_place(wanted), *is_visible(wanted)
            )
            rows = connection.execute(query.order_by(images.c.number.desc()))
            return {ImageId(row.id): row.bytes for row in rows}, next_after

        return await self._database.read(work)


def _edit(
    connection: Connection, ids: Sequence[ImageId], change: Callable[[Image], Image], now: datetime
) -> Edited:
    query = select_images().where(images.c.id.in_(ids)).with_for_update(of=images)
    found = {row.id: image_of(row) for row in connection.execute(query)}
    done, wanted = Edited(), list[tuple[Image, Image]]()
    for image_id in ids:
        try:
            current = _editable(found.get(image_id), now)
            changed = change(current)
        except ImagesvcError as error:
            done.errors[image_id] = error
            continue
        if changed == current:
            done.unchanged += 1
        else:
            done.changed.append(image_id)
            wanted.append((current, changed))
    _store(connection, wanted, now)
    return done


def _editable(image: Image | None, now: datetime) -> Image:
    if image is None or image.has_expired(now):
        raise NotFound(NO_SUCH_ID)
    if image.is_trashed:
        raise in_trash()
    return image


def _store(connection: Connection, wanted: Sequence[tuple[Image, Image]], now: datetime) -> None:
    """Write images; as elsewhere, a change of the collection alone makes no new version."""
    if not wanted:
        return
    rows, places = [], Counter[CollectionId]()
    for current, changed in wanted:
        moved = replace(current, collection_id=changed.collection_id)
        if moved != changed:
            changed = replace(changed, version=current.version + 1, updated_at=now)  # noqa: PLW2901
        values = edited_values(changed) | {"collection_id": changed.collection_id}
        rows.append({f"new_{name}": value for name, value in values.items()} | {"of": current.id})
        if current.collection_id != changed.collection_id:
            places.update([changed.collection_id] if changed.collection_id else [])
            places.subtract([current.collection_id] if current.collection_id else [])
    names = [name.removeprefix("new_") for name in rows[0] if name != "of"]
    statement = update(images).where(images.c.id == bindparam("of"))
    connection.execute(statement.values({name: bindparam(f"new_{name}") for name in names}), rows)
    for collection_id, more in places.items():
        if not count_images(connection, collection_id, more) and more > 0:
            raise no_collection()
    for current, _changed in wanted:
        event = EventType.IMAGE_UPDATED
        record_image_event(connection, event, current.id, current.owner_id, now)
