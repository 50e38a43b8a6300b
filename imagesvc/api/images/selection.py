"""The images that a body selects: by ids, or by a search."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Self

from pydantic import Field, model_validator

from imagesvc.api.images.listing import FilterQuery
from imagesvc.auth.principals import Principal
from imagesvc.errors import NotFound
from imagesvc.http.models import Sent
from imagesvc.http.requests import Id
from imagesvc.model.ids import ImageId, parse_id
from imagesvc.model.images import Visibility
from imagesvc.store.search.listing import ImageFilter

MAX_IDS = 1_000


class SelectionFilter(Sent):
    """The filters of the list of images."""

    collection: Id | None = None
    owner: Id | None = None
    """The requester's own id; an admin may give any."""
    visibility: Visibility | None = None
    favourite: bool | None = None
    """Whether the requester has marked them."""


class Selection(Sent):
    """The images: either `ids`, or all that a search finds."""

    ids: Annotated[list[str], Field(min_length=1, max_length=MAX_IDS)] | None = None
    q: str | None = None
    """A search; without text, all images that `filter` leaves."""
    filter: SelectionFilter | None = None
    """With `q` only."""

    @model_validator(mode="after")
    def _selects_once(self) -> Self:
        if (self.ids is None) == (self.q is None):
            raise ValueError("must have either ids or q")
        if self.filter is not None and self.q is None:
            raise ValueError("may have filter together with q only")
        return self

    def wanted(self, requester: Principal) -> ImageFilter:
        """The list of the search.

        Raises:
            InvalidQuery: `q` does not follow its grammar.
            Forbidden: `owner` is another user, and the requester is not an admin.
        """
        filters = {} if self.filter is None else self.filter.model_dump()
        return FilterQuery(q=self.q, **filters).wanted(requester)

    def own(self, requester: Principal) -> ImageFilter:
        """Of that list, the requester's own images, or those of `owner`; without accounts all.

        An admin who searches must not change the images of all users by mistake.

        Raises:
            InvalidQuery, Forbidden: as for `wanted`.
        """
        wanted = self.wanted(requester)
        return replace(wanted, owner_id=wanted.owner_id or requester.user_id)


def id_of(name: str) -> ImageId | None:
    """The id that a text is; None if it is none."""
    try:
        return ImageId(parse_id(name))
    except NotFound:
        return None
