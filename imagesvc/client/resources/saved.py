"""Archives to download, and saved searches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import httpx2

from ..calls import API, Call, model, nothing
from ..flows import Flow, answered
from ..grids import Archive, Search
from ..methods import listing, method
from ..models import Page
from ..parameters import Id
from .bulk import ids_of


class Saved:
    """The methods of archives and saved searches."""

    @method
    def create_archive(
        self,
        image_ids: Sequence[Id] | None = None,
        *,
        q: str | None = None,
        filter: Mapping[str, Any] | None = None,  # noqa: A002  # the name in the API
        preset: str | None = None,
    ) -> Flow[Archive]:
        """Put images together for a download as one ZIP file, for an hour.

        Args:
            image_ids: up to 1,000 images; or else `q`.
            q: a search, of up to 20,000 images.
            filter: with `q`: `collection`, `owner`, `visibility`, `favourite`.
            preset: the preset to have variants of, instead of originals.
        """
        asked = {"ids": ids_of(image_ids), "q": q, "filter": filter, "preset": preset}
        body = {name: value for name, value in asked.items() if value is not None}
        return answered(Call("POST", f"{API}/archives", model(Archive), json=body))

    @method
    def fetch_archive(self, archive_id: Id) -> Flow[bytes]:
        """The ZIP file of an archive, in memory."""
        return answered(Call("GET", f"{API}/archives/{archive_id}", _content))

    @listing
    def searches(self) -> Call[Page[Search]]:
        """Every saved search, the newest first."""
        return Call("GET", f"{API}/searches", model(Page[Search]))

    @method
    def create_search(self, name: str, q: str) -> Flow[Search]:
        """Save a search under a name."""
        body = {"name": name, "q": q}
        call = Call("POST", f"{API}/searches", model(Search), json=body, is_repeatable=False)
        return answered(call)

    @method
    def update_search(
        self, search_id: Id, *, name: str | None = None, q: str | None = None
    ) -> Flow[Search]:
        """Change the name or the text of a saved search."""
        given = {"name": name, "q": q}
        body = {member: value for member, value in given.items() if value is not None}
        return answered(Call("PATCH", f"{API}/searches/{search_id}", model(Search), json=body))

    @method
    def delete_search(self, search_id: Id) -> Flow[None]:
        """Delete a saved search."""
        return answered(Call("DELETE", f"{API}/searches/{search_id}", nothing))


def _content(answer: httpx2.Response) -> bytes:
    return answer.content
