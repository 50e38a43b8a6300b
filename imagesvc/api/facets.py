"""Facets: by which values a list can be narrowed."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.responses import Response

from imagesvc.api.images.listing import FilterQuery
from imagesvc.api.images.named import may_filter_by
from imagesvc.auth.principals import Scope
from imagesvc.errors import Forbidden, InvalidQuery
from imagesvc.http.calls import Call
from imagesvc.http.models import Model
from imagesvc.http.operations import Answer, operation
from imagesvc.http.tagged import CONTENT_TAG, tagged_json
from imagesvc.store.collections import CollectionStore
from imagesvc.store.search.facets import FacetCounts, Facets, Values


class FacetValue(Model):
    """A value, and how many images have it."""

    value: str
    count: int


class FacetsOut(Model, title="Facets"):
    """The most frequent values of a list, up to 50 of each kind."""

    tags: list[FacetValue]
    cameras: list[FacetValue]
    """Maker and model, as `camera:"…"` finds them."""
    years: list[FacetValue]
    formats: list[FacetValue]
    colors: list[FacetValue]
    """Names of colours, as `color:` finds them."""
    images: int
    """The number of images that were counted."""
    is_exact: bool
    """Whether these are all images of the list: only the newest 5,000 are looked at."""


@dataclass(frozen=True, slots=True)
class FacetEndpoints:
    """The operation on facets; the fields are its dependencies."""

    facets: Facets
    collections: CollectionStore

    @operation(
        "get_facets", "GET", "/api/v1/facets", tag="images", scope=Scope.READ, query=FilterQuery,
        answers={200: Answer(FacetsOut, CONTENT_TAG), 304: None}, errors=(InvalidQuery, Forbidden),
    )  # fmt: skip
    async def show(self, call: Call[FilterQuery, None]) -> Response:
        """The most frequent tags, cameras, years, formats and colours of what a search finds."""
        wanted = call.query.wanted(call.requester)
        is_permitted = await may_filter_by(self.collections, wanted.collection_id, call.requester)
        nothing = FacetCounts([], [], [], [], [], 0, is_exact=True)
        found = await self.facets.of(wanted) if is_permitted else nothing
        shown = FacetsOut(
            tags=_values(found.tags),
            cameras=_values(found.cameras),
            years=_values(found.years),
            formats=_values(found.formats),
            colors=_values(found.colors),
            images=found.images,
            is_exact=found.is_exact,
        )
        return tagged_json(call.request, shown.model_dump_json().encode())


def _values(values: Values) -> list[FacetValue]:
    return [FacetValue(value=value, count=count) for value, count in values]
