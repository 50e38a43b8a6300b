"""Removing the stored variants of many images, here and in the CDN."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field, model_validator
from starlette.responses import Response

from imagesvc.api.images.cursors import key_of, position_text, read_position
from imagesvc.api.images.listing import FilterQuery
from imagesvc.auth.principals import Principal, Scope
from imagesvc.errors import InvalidQuery, NotFound, UnsupportedMediaType
from imagesvc.http.bodies.json_bodies import Json
from imagesvc.http.calls import Call
from imagesvc.http.models import Model, Sent
from imagesvc.http.operations import operation
from imagesvc.http.requests import json_response
from imagesvc.library.housekeeping.purge import VariantPurge
from imagesvc.model.ids import ImageId, parse_id
from imagesvc.store.bulk.edits import BulkEdits
from imagesvc.store.search.listing import ImageFilter, Position

MAX_IMAGES = 1_000
BATCH = 100
"""Images that are removed together."""


class PurgeIn(Sent, title="PurgeRequest"):
    """The images whose variants are removed: one of `ids`, `tag` and `q`."""

    ids: Annotated[list[str], Field(min_length=1, max_length=MAX_IMAGES)] | None = None
    """Images; those that do not exist are purged from the CDN only."""
    tag: Annotated[str, Field(min_length=1, max_length=100, pattern='^[^"]+$')] | None = None
    """All images with this tag."""
    q: Annotated[str, Field(max_length=1000)] | None = None
    """All images that a search finds; without text, all."""
    cursor: Annotated[str, Field(max_length=1000)] | None = None
    """The `next_cursor` of the last response, with the same `tag` or `q`."""

    @model_validator(mode="after")
    def _selects_once(self) -> Self:
        if sum(value is not None for value in (self.ids, self.tag, self.q)) != 1:
            raise ValueError("must have one of ids, tag and q")
        if self.cursor is not None and self.ids is not None:
            raise ValueError("may have cursor together with tag or q only")
        return self

    @property
    def search(self) -> str:
        """The search for the images."""
        return f'tags:"{self.tag}"' if self.tag is not None else self.q or ""

    def wanted(self, requester: Principal) -> ImageFilter:
        """The list of the search.

        Raises:
            InvalidQuery: `q` does not follow its grammar.
        """
        return FilterQuery(q=self.search).wanted(requester)


class PurgeResults(Model):
    """What one request has removed."""

    images: int
    variants: int
    """Stored variants, which are made again when requested."""
    next_cursor: str | None
    """For the next request, if there are more images."""


@dataclass(frozen=True, slots=True)
class PurgeEndpoints:
    """The operation on the variants of many images; the fields are its dependencies."""

    purges: VariantPurge
    lists: BulkEdits

    @operation(
        "purge_many_variants", "POST", "/api/v1/variants/actions/purge", tag="images",
        scope=Scope.ADMIN, body=Json(PurgeIn), answers={200: PurgeResults},
        errors=(InvalidQuery, NotFound, UnsupportedMediaType),
    )  # fmt: skip
    async def purge(self, call: Call[None, PurgeIn]) -> Response:
        """Remove the stored variants of many images, here and in the CDN.

        One request handles up to 1,000 images, the newest first. Repeat it with `next_cursor`
        until there is none.
        """
        body = call.body
        if body.ids is not None:
            ids = [ImageId(parse_id(name)) for name in dict.fromkeys(body.ids)]
            variants = await self._purged(ids)
            return json_response(PurgeResults(images=len(ids), variants=variants, next_cursor=None))
        key = key_of(body.search)
        after = read_position(body.cursor, key)
        images, variants, after = await self._purge_found(body.wanted(call.requester), after)
        cursor = position_text(after, key)
        return json_response(PurgeResults(images=images, variants=variants, next_cursor=cursor))

    async def _purge_found(
        self, wanted: ImageFilter, after: Position | None
    ) -> tuple[int, int, Position | None]:
        images = variants = 0
        for _ in range(MAX_IMAGES // BATCH):
            found, after = await self.lists.found(wanted, limit=BATCH, after=after)
            variants += await self._purged(list(found))
            images += len(found)
            if after is None:
                break
        return images, variants, after

    async def _purged(self, ids: Sequence[ImageId]) -> int:
        return await self.purges.purge(ids) if ids else 0
