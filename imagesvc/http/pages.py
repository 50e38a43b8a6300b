"""Pages of lists: the request for one, and the response with a link to the next."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema
from starlette.responses import Response

from imagesvc.http.calls import Context
from imagesvc.http.models import Model, Query, schema_name
from imagesvc.http.operations import Answer
from imagesvc.http.requests import json_response

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
        raise ValueError("is not a next_cursor of this list") from error


_CURSOR = {"type": "string", "pattern": "^[A-Za-z0-9_-]{21}[AQgw]$"}
Limit = Annotated[int, Field(ge=1, le=MAX_LIMIT), BeforeValidator(_limit)]
Cursor = Annotated[UUID, BeforeValidator(_cursor), WithJsonSchema(_CURSOR)]


class PageQuery(Query):
    """The parameters that select a page of a list."""

    limit: Limit = DEFAULT_LIMIT
    """The maximum number of items."""
    cursor: Cursor | None = None
    """The `next_cursor` of the previous page."""


class Page(Model, Generic[T]):
    """Some items of a list, and the cursor of the next page."""

    # No field has a docstring, and searching for them takes 5 ms for each kind of page.
    model_config = ConfigDict(use_attribute_docstrings=False)

    data: list[T]
    next_cursor: str | None

    @classmethod
    def model_parametrized_name(cls, params: tuple[Any, ...]) -> str:
        """The name of a page in the OpenAPI document, derived from that of its items."""
        (item,) = params
        return f"{schema_name(item)}Page"


def page_of(page: type[Page[T]]) -> Answer:
    """The response with a page, whose Link header has the next one."""
    return Answer(page, {"Link": "The next page, as rel=next (RFC 8288)."})


def page_response(
    context: Context, page: type[Page[T]], data: Iterable[T], cursor: str | None, **more: object
) -> Response:
    """A page as JSON, with the Link header to the next one (RFC 8288).

    Args:
        context: of the request.
        page: the model of the page.
        data: its items.
        cursor: of the next page.
        more: further members of the model.
    """
    headers = {}
    if cursor is not None:
        request = context.request
        query = urlencode({**request.query_params, "cursor": cursor})
        url = f"{context.absolute_base}{request.scope['path']}?{query}"
        headers["link"] = f'<{url}>; rel="next"'
    return json_response(page(data=list(data), next_cursor=cursor, **more), headers=headers)


def cursor_text(last: UUID | None) -> str | None:
    """The cursor of the page after an id."""
    return None if last is None else base64.urlsafe_b64encode(last.bytes).rstrip(b"=").decode()
