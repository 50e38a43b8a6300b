"""Small pieces that the resources share: JSON answers, query parameters, cursors."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import urlencode
from uuid import UUID

from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from imagesvc.errors import InvalidRequest

Model = TypeVar("Model", bound=BaseModel)

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
ORIGIN = "imagesvc.origin"
"""Where the ASGI scope holds the scheme and host that a trusted proxy reported."""


def json_response(
    model: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A model as JSON."""
    headers = {"cache-control": "no-store", **(headers or {})}
    return Response(model.model_dump_json(), status, headers, "application/json")


def parsed_json(kind: type[Model], body: bytes) -> Model:
    """A JSON body as a model.

    Raises:
        InvalidRequest: naming every field that is wrong.
    """
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        faults = tuple(
            (
                ".".join(ascii(str(part)[:40])[1:-1] for part in fault["loc"]) or "body",
                fault["msg"].removeprefix("Value error, "),
            )
            for fault in error.errors(include_url=False, include_context=False, include_input=False)
        )
        raise InvalidRequest(f"{faults[0][0]}: {faults[0][1]}.", faults) from error


def only_known(request: Request, known: set[str]) -> None:
    """Refuse misspelt and repeated query parameters rather than pass over them.

    Raises:
        InvalidRequest: naming the first.
    """
    names = [name for name, _value in request.query_params.multi_items()]
    for name in names:
        if name not in known:
            raise invalid(
                ascii(name[:40])[1:-1], f"is unknown; known are {', '.join(sorted(known))}"
            )
        if names.count(name) > 1:
            raise invalid(name, "is given twice")


def invalid(loc: str, msg: str) -> InvalidRequest:
    """The error for one parameter or field."""
    return InvalidRequest(f"{loc} {msg}.", ((loc, msg),))


def limit_of(request: Request) -> int:
    """The page size asked for."""
    text = request.query_params.get("limit", str(DEFAULT_LIMIT))
    if not re.fullmatch("[0-9]{1,5}", text) or not 1 <= int(text) <= MAX_LIMIT:
        raise invalid("limit", f"must be a whole number from 1 to {MAX_LIMIT}")
    return int(text)


def cursor_of(request: Request) -> UUID | None:
    """The id that the last page ended with."""
    text = request.query_params.get("cursor")
    if text is None:
        return None
    try:
        return UUID(
            bytes=base64.b64decode(text.encode("ascii") + b"==", altchars=b"-_", validate=True)
        )
    except (ValueError, binascii.Error) as error:
        raise invalid("cursor", "is none that a page of this list ended with") from error


def cursor_text(last: UUID | None) -> str | None:
    """The cursor that goes on after an id."""
    return None if last is None else base64.urlsafe_b64encode(last.bytes).rstrip(b"=").decode()


def origin_of(request: Request) -> str:
    """Scheme and host as a trusted proxy reports them; empty, for relative URLs, without one.

    The Host field of a stranger must not decide where a client goes next.
    """
    origin: str = request.scope.get(ORIGIN, "")
    return origin


def next_link(request: Request, cursor: str | None) -> dict[str, str]:
    """The Link header to the next page (RFC 8288)."""
    if cursor is None:
        return {}
    query = {**request.query_params, "cursor": cursor}
    return {"link": f'<{origin_of(request)}{request.scope["path"]}?{urlencode(query)}>; rel="next"'}


def instant_of(request: Request, name: str) -> datetime | None:
    """An RFC 3339 instant, or a date in UTC, from the query."""
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise invalid(name, "must be an instant such as 2026-01-31T12:00:00Z") from error
