"""Which images a list shows, in which order, and where a page of it ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from imagesvc.model.ids import CollectionId, UserId, utc_now
from imagesvc.model.images import Image, Viewer, Visibility
from imagesvc.model.jobs import Status
from imagesvc.store.search.terms import Query


class Sort(StrEnum):
    """The sort orders of a list of images."""

    RELEVANCE = "relevance"
    CREATED = "created"
    TAKEN = "taken"
    SIZE = "size"
    NAME = "name"
    TRASHED = "trashed"


@dataclass(frozen=True, slots=True)
class ImageFilter:
    """Which images to list; None does not restrict."""

    viewer: Viewer
    query: Query = field(default_factory=Query)
    status: Status | None = None
    collection_id: CollectionId | None = None
    owner_id: UserId | None = None
    visibility: Visibility | None = None
    awaits_review: bool | None = None
    is_trash: bool = False
    """Whether to list the images in the trash, which nobody but their owners sees."""
    now: datetime = field(default_factory=utc_now)
    """Images that have expired by then are in no list."""


@dataclass(frozen=True, slots=True)
class Order:
    """A sort and its direction; the best matches are those of the highest relevance."""

    sort: Sort
    is_descending: bool

    @classmethod
    def default_for(cls, query: Query, sort: Sort | None, *, is_descending: bool | None) -> Order:
        """The requested order, completed by the default of a query."""
        if sort is None:
            ranks = query.has_words or query.similar is not None
            sort = Sort.RELEVANCE if ranks else Sort.CREATED
        if is_descending is None:
            is_descending = sort is not Sort.NAME
        return cls(sort, is_descending)


Position = tuple[int | str, ...]
"""The end of a page; its content depends on how its list is walked."""


@dataclass(frozen=True, slots=True)
class ImagePage:
    """Some images in order, and the position to continue after; None at the end."""

    images: list[Image]
    next_after: Position | None


@dataclass(frozen=True, slots=True)
class Total:
    """How many images a list has: exactly, or at least so many."""

    count: int
    is_exact: bool
