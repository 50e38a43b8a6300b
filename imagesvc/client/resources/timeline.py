"""The timeline, its months, and the facets of a list."""

from __future__ import annotations

from typing import Any

from ..calls import API, Call, model
from ..flows import Flow, answered
from ..grids import Facets, Timeline, TimelineMonth
from ..methods import method


class Timelines:
    """The methods of the timeline and of facets."""

    @method
    def timeline(self, /, q: str | None = None, **query: Any) -> Flow[Timeline]:
        """How many images each month has, of those that a search finds, or of all.

        Args:
            q: the search.
            query: filters, such as `collection`, `owner`, `visibility`, `favourite`.
        """
        return answered(Call("GET", f"{API}/timeline", model(Timeline), query={"q": q, **query}))

    @method
    def timeline_month(
        self, month: str, /, q: str | None = None, *, cursor: str | None = None, **query: Any
    ) -> Flow[TimelineMonth]:
        """Up to 2,000 images of a month as columns.

        Args:
            month: such as `2026-11`.
            q: the search.
            cursor: the `next_cursor` of the previous page.
            query: the filters of `timeline`, and `limit`.
        """
        asked = {"q": q, "cursor": cursor, **query}
        return answered(Call("GET", f"{API}/timeline/{month}", model(TimelineMonth), query=asked))

    @method
    def facets(self, /, q: str | None = None, **query: Any) -> Flow[Facets]:
        """The most frequent tags, cameras, years and formats of the images that a search finds."""
        return answered(Call("GET", f"{API}/facets", model(Facets), query={"q": q, **query}))
