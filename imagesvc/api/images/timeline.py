"""The timeline: how many images each month has, and the images of a month as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field
from pydantic_core import to_json
from starlette.responses import Response

from imagesvc.api.images.cursors import list_key, position_text, read_position
from imagesvc.api.images.listing import FilterQuery
from imagesvc.api.images.named import may_filter_by
from imagesvc.auth.principals import Scope
from imagesvc.errors import Forbidden, InvalidQuery
from imagesvc.http.calls import Call, Context
from imagesvc.http.models import Model
from imagesvc.http.operations import Answer, operation
from imagesvc.http.requests import invalid
from imagesvc.http.tagged import CONTENT_TAG, digest_of, tagged_json
from imagesvc.model.images import Visibility
from imagesvc.model.jobs import Status
from imagesvc.model.months import Month
from imagesvc.store.collections import CollectionStore
from imagesvc.store.search.timeline import MonthCounts, MonthRow, Timeline

EVERY = "/api/v1/timeline"
MAX_OF_MONTH = 2_000
_FAVOURITE, _ANIMATED, _PENDING, _FAILED, _PUBLIC, _UNLISTED, _COLLECTED, _WAITING = (
    1 << bit for bit in range(8)
)
_STATUS_FLAGS: Mapping[str, int] = {
    Status.PENDING: _PENDING,
    Status.PROCESSING: _PENDING,
    Status.FAILED: _FAILED,
}
_VISIBILITY_FLAGS: Mapping[str, int] = {Visibility.PUBLIC: _PUBLIC, Visibility.UNLISTED: _UNLISTED}


class TimelineOut(Model, title="Timeline"):
    """How many images each month has, the newest month first; months without images are absent."""

    total: int
    """The sum of `counts`."""
    rev: str
    """Changes whenever `months` or `counts` change."""
    is_exact: bool
    """False if the search has more matches than are counted: the newest 100,000 uploads."""
    months: list[str]
    """Such as `2026-11`, by the camera's local time, or else by the time of upload."""
    counts: list[int]
    """The number of images of each month."""


class TimelineMonth(Model):
    """Images of a month as columns, the newest first: place n of each list is one image."""

    ids: list[UUID]
    widths: list[int]
    heights: list[int]
    taken: list[int]
    """Seconds since 1970 of the camera's local time, or of the upload in UTC."""
    thumbhashes: list[str | None]
    flags: list[int]
    """The sum of 1 favourite, 2 animated, 4 job not ended, 8 job failed, 16 public, 32 unlisted,
    64 for one's own images in a collection, and 128 for those of guests that are to be accepted."""
    next_cursor: str | None


class MonthQuery(FilterQuery):
    """Which images of the month, and the page."""

    limit: Annotated[int, Field(ge=1, le=MAX_OF_MONTH)] = MAX_OF_MONTH
    cursor: str | None = None
    """The `next_cursor` of the previous page of the same month."""


@dataclass(frozen=True, slots=True)
class TimelineEndpoints:
    """The operations of the timeline; the fields are their dependencies."""

    timeline: Timeline
    collections: CollectionStore

    @operation(
        "get_timeline", "GET", EVERY, tag="images", scope=Scope.READ, query=FilterQuery,
        answers={200: Answer(TimelineOut, CONTENT_TAG), 304: None},
        errors=(InvalidQuery, Forbidden),
    )  # fmt: skip
    async def months(self, call: Call[FilterQuery, None]) -> Response:
        """How many images each month has, of those that the requester may see or a search finds."""
        wanted = call.query.wanted(call.requester)
        is_permitted = await may_filter_by(self.collections, wanted.collection_id, call.requester)
        counts = (
            await self.timeline.months(wanted) if is_permitted else MonthCounts([], is_exact=True)
        )
        months = [str(month) for month, _count in counts.months]
        numbers = [count for _month, count in counts.months]
        shown = TimelineOut(
            total=sum(numbers),
            rev=digest_of(to_json([months, numbers])),
            is_exact=counts.is_exact,
            months=months,
            counts=numbers,
        )
        return tagged_json(call.request, to_json(shown))

    @operation(
        "get_timeline_month", "GET", f"{EVERY}/{{month}}", tag="images", scope=Scope.READ,
        query=MonthQuery, answers={200: Answer(TimelineMonth, CONTENT_TAG), 304: None},
        errors=(InvalidQuery, Forbidden),
    )  # fmt: skip
    async def month(self, call: Call[MonthQuery, None]) -> Response:
        """The images of one month as columns, up to 2,000 in a page."""
        month, query = _month_of(call), call.query
        wanted = query.wanted(call.requester)
        key = list_key(call.request)
        after = read_position(query.cursor, key)
        rows: list[MonthRow] = []
        last = None
        if await may_filter_by(self.collections, wanted.collection_id, call.requester):
            rows, last = await self.timeline.page(wanted, month, limit=query.limit, after=after)
        shown = {**_columns(rows), "next_cursor": position_text(last, key)}
        return tagged_json(call.request, to_json(shown))


def _month_of(context: Context) -> Month:
    try:
        return Month.read(context.request.path_params["month"])
    except ValueError as error:
        raise invalid("month", str(error)) from error


def _columns(rows: Sequence[MonthRow]) -> dict[str, list[Any]]:
    return {
        "ids": [_with_hyphens(row.id) for row in rows],
        "widths": [row.width for row in rows],
        "heights": [row.height for row in rows],
        "taken": [row.taken // 1_000_000 for row in rows],
        "thumbhashes": [row.thumbhash for row in rows],
        "flags": [_flags(row) for row in rows],
    }


def _with_hyphens(digits: str) -> str:
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _flags(row: MonthRow) -> int:
    flags = _STATUS_FLAGS.get(row.status, 0) | _VISIBILITY_FLAGS.get(row.visibility, 0)
    flags |= _FAVOURITE * row.is_favourite | _ANIMATED * (row.frames > 1)
    return flags | _COLLECTED * row.is_collected | _WAITING * row.awaits_review
