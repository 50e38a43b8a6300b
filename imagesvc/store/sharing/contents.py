"""The images of a share: those of its owner only, whatever its search says."""

from __future__ import annotations

from sqlalchemy import Connection, select

from imagesvc.errors import InvalidQuery
from imagesvc.model.ids import ImageId
from imagesvc.model.images import Image, Viewer
from imagesvc.model.sharing import Share, ShareTarget
from imagesvc.store.db.database import Database
from imagesvc.store.db.schema.images import images
from imagesvc.store.images import ImageStore
from imagesvc.store.search import parser
from imagesvc.store.search.conditions import conditions_of, is_in_place, is_visible
from imagesvc.store.search.fulltext.match import match_of
from imagesvc.store.search.listing import ImageFilter, ImagePage, Order, Position, Sort
from imagesvc.store.search.search import ImageSearch
from imagesvc.store.search.terms import Query
from imagesvc.store.search.walks import matches_image

NEWEST = Order(Sort.CREATED, is_descending=True)


class SharedImages:
    """The images of shares; whether one belongs to a share is checked at each request."""

    def __init__(self, database: Database, stored: ImageStore, search: ImageSearch) -> None:
        self._database = database
        self._stored = stored
        self._search = search

    async def page(self, share: Share, *, limit: int, after: Position | None) -> ImagePage:
        """Images of a share, the newest first; a page may be short and have a position after it.

        Raises:
            InvalidRequest: no page of this list ends at `after`.
        """
        if share.image_id is not None:
            image = await self._stored.find(share.image_id)
            found, next_after = [] if image is None else [image], None
        else:
            wanted = _filter_of(share)
            found, next_after = await self._listed(wanted, limit, after)
        return ImagePage([image for image in found if is_shown(share, image)], next_after)

    async def has(self, share: Share, image: Image) -> bool:
        """Whether a share shows an image now."""
        if not is_shown(share, image):
            return False
        if share.target is ShareTarget.IMAGE:
            return image.id == share.image_id
        wanted = _filter_of(share)
        return await self._database.read(lambda connection: _is_found(connection, wanted, image.id))

    async def now(self, share: Share, image_id: ImageId) -> Image | None:
        """An image as it is now; None if the share does not show it, or no longer."""
        image = await self._stored.find(image_id)
        return image if image is not None and await self.has(share, image) else None

    async def _listed(
        self, wanted: ImageFilter, limit: int, after: Position | None
    ) -> tuple[list[Image], Position | None]:
        page = await self._search.page(wanted, NEWEST, limit=limit, after=after)
        return page.images, page.next_after


def shareable(q: str) -> Query:
    """The terms of a search that may be shared.

    Raises:
        InvalidQuery: it breaks the grammar, or asks for images that are similar to another one.
    """
    query = parser.parse(q)
    if query.similar is not None:
        column, message = query.similar.column, "a share cannot have similar:"
        raise InvalidQuery(f"Column {column} of q: {message}.", ((f"q:{column}", message),))
    return query


def is_shown(share: Share, image: Image) -> bool:
    """Whether a share may show an image if it belongs to its target.

    An image that has got another owner is no longer shown, and one of a guest not before it is
    accepted.
    """
    is_hidden = image.is_trashed or image.awaits_review
    return image.owner_id == share.owner_id and not is_hidden


def _filter_of(share: Share) -> ImageFilter:
    return ImageFilter(
        viewer=Viewer(share.owner_id, sees_all=share.owner_id is None),
        query=shareable(share.q or ""),
        collection_id=share.collection_id,
        owner_id=share.owner_id,
        awaits_review=False,
    )


def _is_found(connection: Connection, wanted: ImageFilter, image_id: ImageId) -> bool:
    conditions = [
        images.c.id == image_id,
        is_in_place(wanted),
        *conditions_of(wanted),
        *is_visible(wanted),
    ]
    match = match_of(wanted)
    if match is not None:
        conditions.append(matches_image(match.any_rank))
    query = select(images.c.id).where(*conditions)
    return connection.scalar(query) is not None
