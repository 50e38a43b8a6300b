"""Pages of lists: which one is asked for, and the answer with what leads to the next."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Annotated, Generic, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema
from starlette.requests import Request
from starlette.responses import Response

from imagesvc.http.requests import Query, absolute_base_of, json_response

DEFAULT_LIMIT = 50
MAX_LIMIT = 200

T = TypeVar("T")


def _limit(text: object) -> object:
    if not isinstance(text, str):
        return text
    if not re.fullmatch("[0-9]{1,5}", text) or not 1 <= int(text) <= MAX_LIMIT:
        raise ValueError(f"must be a whole number from 1 to {MAX_LIMIT}")
    return int(text)


def _cursor(text: object) -> object:
    if not isinstance(text, str):
        return text
    try:
        return UUID(
            bytes=base64.b64decode(text.encode("ascii") + b"==", altchars=b"-_", validate=True)
        )
    except (ValueError, binascii.Error) as error:
        raise ValueError("is none that a page of this list ended with") from error


_CURSOR = {"type": "string", "pattern": "^[A-Za-z0-9_-]{21}[AQgw]$"}
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT), BeforeValidator(_limit)]
Cursor = Annotated[UUID, BeforeValidator(_cursor), WithJsonSchema(_CURSOR)]


class PageQuery(Query):
    """Which page of a list."""

    limit: Limit = DEFAULT_LIMIT
    """How many items at most."""
    cursor: Cursor | None = None
    """Where the last page ended: its `next_cursor`."""


class Page(BaseModel, Generic[T]):
    """Some items of a list, and the cursor of the next page."""

    data: list[T]
    next_cursor: str | None


def page_response(
    request: Request, page: type[Page[T]], data: Iterable[T], cursor: str | None, **more: object
) -> Response:
    """A page as JSON, with the Link header to the next one (RFC 8288).

    Args:
        request: whose answer it is.
        page: of which model.
        data: its items.
        cursor: of the next page.
        more: further members of the model.
    """
    headers = {}
    if cursor is not None:
        query = urlencode({**request.query_params, "cursor": cursor})
        url = f"{absolute_base_of(request)}{request.scope['path']}?{query}"
        headers["link"] = f'<{url}>; rel="next"'
    return json_response(page(data=list(data), next_cursor=cursor, **more), headers=headers)


def cursor_text(last: UUID | None) -> str | None:
    """The cursor that goes on after an id."""
    return None if last is None else base64.urlsafe_b64encode(last.bytes).rstrip(b"=").decode()
