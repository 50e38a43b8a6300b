"""Saved searches: make, list, show, change, delete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import MISSING, AfterValidator, StringConstraints
from starlette.responses import Response

from imagesvc.api.schemas import Instant
from imagesvc.auth.principals import Scope
from imagesvc.errors import Conflict, InvalidQuery, NotFound, UnsupportedMediaType
from imagesvc.http.bodies.json_bodies import Json, MergePatch
from imagesvc.http.calls import Call, Context
from imagesvc.http.models import Model, Patch, Sent
from imagesvc.http.operations import LOCATION, Answer, operation, with_subject
from imagesvc.http.pages import Page, PageQuery, cursor_text, page_of, page_response
from imagesvc.http.requests import json_response
from imagesvc.model.ids import SearchId, new_id, utc_now
from imagesvc.model.saved import SavedSearch
from imagesvc.store.search import parser
from imagesvc.store.search.saved import SavedSearchStore

TAG = "images"
EVERY = "/api/v1/searches"
ONE = f"{EVERY}/{{search_id}}"


def _checked_name(text: str) -> str:
    if not text.strip() or "\x00" in text:
        raise ValueError("must have text without NUL characters")
    return text.strip()


Name = Annotated[str, StringConstraints(max_length=100), AfterValidator(_checked_name)]
Text = Annotated[str, StringConstraints(max_length=parser.MAX_LENGTH)]


class SearchIn(Sent, title="SearchRequest"):
    """A search to save."""

    name: Name
    q: Text
    """A search as of the list of images."""


class SearchPatch(Patch):
    """Changes of a saved search; absent members stay unchanged (RFC 7396)."""

    name: Name | MISSING = MISSING
    q: Text | MISSING = MISSING


class SearchOut(Model, title="Search"):
    """A saved search."""

    id: UUID
    name: str
    q: str
    created_at: Instant
    updated_at: Instant

    @classmethod
    def of(cls, search: SavedSearch) -> SearchOut:
        """The representation of a search."""
        return cls(**{name: getattr(search, name) for name in cls.model_fields})


@dataclass(frozen=True, slots=True)
class SearchEndpoints:
    """The operations on saved searches; the fields are their dependencies."""

    searches: SavedSearchStore
    clock: Callable[[], datetime] = utc_now

    async def _own(self, context: Context) -> SavedSearch:
        search_id = SearchId(context.id("search_id"))
        return await self.searches.get(search_id, context.requester.user_id)

    @operation(
        "list_searches", "GET", EVERY, tag=TAG, scope=Scope.READ, query=PageQuery,
        answers={200: page_of(Page[SearchOut])},
    )  # fmt: skip
    async def page(self, call: Call[PageQuery, None]) -> Response:
        """The requester's saved searches, the newest first."""
        found, last = await self.searches.page(
            call.requester.user_id, limit=call.query.limit, after=call.query.cursor
        )
        return page_response(call, Page[SearchOut], map(SearchOut.of, found), cursor_text(last))

    @operation(
        "create_search", "POST", EVERY, tag=TAG, scope=Scope.MANAGE, body=Json(SearchIn),
        answers={201: Answer(SearchOut, LOCATION)},
        errors=(Conflict, InvalidQuery, UnsupportedMediaType),
    )  # fmt: skip
    async def create(self, call: Call[None, SearchIn]) -> Response:
        """Save a search; a user may have 200."""
        parser.parse(call.body.q)
        now = self.clock()
        search = SavedSearch(
            id=SearchId(new_id()),
            user_id=call.requester.user_id,
            name=call.body.name,
            q=call.body.q,
            created_at=now,
            updated_at=now,
        )
        await self.searches.add(search)
        location = {"location": f"{call.absolute_base}{EVERY}/{search.id}"}
        return json_response(SearchOut.of(search), 201, location)

    @operation(
        "get_search", "GET", ONE, tag=TAG, scope=Scope.READ,
        answers={200: SearchOut}, errors=(NotFound,),
    )  # fmt: skip
    @with_subject(_own)
    async def show(self, _call: Call[None, None], search: SavedSearch) -> Response:
        """One saved search."""
        return json_response(SearchOut.of(search))

    @operation(
        "edit_search", "PATCH", ONE, tag=TAG, scope=Scope.MANAGE, body=MergePatch(SearchPatch),
        answers={200: SearchOut}, errors=(NotFound, InvalidQuery, UnsupportedMediaType),
    )  # fmt: skip
    @with_subject(_own)
    async def edit(self, call: Call[None, SearchPatch], search: SavedSearch) -> Response:
        """Change the name or the text of a saved search."""
        given = call.body.given()
        parser.parse(given.get("q", search.q))
        changed = await self.searches.edit(
            search.id, search.user_id, lambda known: replace(known, **given), now=self.clock()
        )
        return json_response(SearchOut.of(changed))

    @operation(
        "delete_search", "DELETE", ONE, tag=TAG, scope=Scope.MANAGE,
        answers={204: None}, errors=(NotFound,),
    )  # fmt: skip
    @with_subject(_own)
    async def delete(self, _call: Call[None, None], search: SavedSearch) -> Response:
        """Delete a saved search; no image is deleted."""
        await self.searches.remove(search.id)
        return Response(status_code=204)
