"""The query parameters of lists of images."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from pydantic import Field

from imagesvc.api.schemas import ImageOut
from imagesvc.auth.permissions import check_may_list
from imagesvc.auth.principals import Principal
from imagesvc.http.models import Query
from imagesvc.http.pages import DEFAULT_LIMIT, Limit, Page
from imagesvc.http.requests import Id, invalid
from imagesvc.model.ids import CollectionId, UserId
from imagesvc.model.images import Visibility
from imagesvc.model.jobs import Status
from imagesvc.store.search import parser
from imagesvc.store.search.listing import ImageFilter, Order, Sort
from imagesvc.store.search.terms import Mark, Marked, Term
from imagesvc.store.search.terms import Query as SearchTerms

_EXAMPLES = ["sunset beach", '"golden hour" -night', "tags:sea,sand date:2016", "size:>1MB"]


class CountedImagePage(Page[ImageOut], use_attribute_docstrings=True):
    """Some images of a list, the cursor of the next page, and how many images there are."""

    total: int | None = None
    """How many images the list has, with `total=true`; a lower limit if it is not exact."""
    total_is_exact: bool | None = None
    """Whether `total` is the exact number: only 5,000 images are looked at."""


class FilterQuery(Query):
    """Which images, of those that the requester may see."""

    q: str | None = Field(default=None, examples=_EXAMPLES)
    """A search; its grammar is in the documentation."""
    collection: Id | None = None
    owner: Id | None = None
    """The requester's own id; an admin may give any."""
    visibility: Visibility | None = None
    favourite: bool | None = None
    """Whether the requester has marked them."""
    trash: bool = False
    """Whether to list the images in the trash instead."""

    def wanted(self, requester: Principal) -> ImageFilter:
        """The requested images.

        Raises:
            InvalidQuery: `q` does not follow its grammar.
            InvalidRequest: the trash is to be searched, or to be in another order.
            Forbidden: `owner` is another user, and the requester is not an admin.
        """
        check_may_list(requester, self.owner)
        self._check_trash()
        return ImageFilter(
            viewer=requester.viewer,
            query=self._query(),
            collection_id=None if self.collection is None else CollectionId(self.collection),
            owner_id=None if self.owner is None else UserId(self.owner),
            visibility=self.visibility,
            is_trash=self.trash,
        )

    def _check_trash(self) -> None:
        if self.trash and self.q:
            raise invalid("q", "cannot search the trash")
        if self.trash and self.favourite is not None:
            raise invalid("favourite", "must not be given with trash=true")

    def _query(self) -> SearchTerms:
        query = parser.parse(self.q or "")
        if self.favourite is None:
            return query
        mark = Term(Marked(Mark.FAVOURITE), is_negated=not self.favourite)
        return SearchTerms((*query.terms, mark))


class ImagesQuery(FilterQuery):
    """The images to list, their order, and the page."""

    sort: Sort | None = None
    """Relevance when `q` has words or `similar:`, otherwise the time of upload; `trashed` with
    `trash` only, where those come first that were put there last."""
    order: Literal["asc", "desc"] | None = None
    """By default ascending for names, and descending for all else."""
    status: Status | None = None
    limit: Limit = DEFAULT_LIMIT
    cursor: str | None = None
    """The `next_cursor` of the previous page of the same list."""
    total: bool = False
    """Whether to count the list."""

    def wanted(self, requester: Principal) -> ImageFilter:
        """As for every list of images, and with this status."""
        if self.trash and self.sort not in {None, Sort.TRASHED}:
            raise invalid("sort", "must be trashed with trash=true")
        if self.sort is Sort.TRASHED and not self.trash:
            raise invalid("sort", "may be trashed with trash=true only")
        return replace(super().wanted(requester), status=self.status)

    def listed(self) -> Order:
        """The requested order, or the default order of the search."""
        is_descending = None if self.order is None else self.order == "desc"
        sort = Sort.TRASHED if self.trash else self.sort
        return Order.default_for(parser.parse(self.q or ""), sort, is_descending=is_descending)
