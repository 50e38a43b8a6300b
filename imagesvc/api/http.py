"""Small pieces that the resources share: JSON answers and query parameters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, TypeVar
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from imagesvc.api.strict_json import check_json
from imagesvc.errors import InvalidRequest, NotFound
from imagesvc.model import parse_id

Model = TypeVar("Model", bound=BaseModel)

ORIGIN = "imagesvc.origin"
"""Where the ASGI scope holds the scheme and host that a trusted proxy reported."""
PREFIX = "imagesvc.prefix"
"""Where it holds the path at which a trusted proxy serves this service."""
BASE = "imagesvc.base"
"""Where it holds what URLs of the service begin with: a prefix, or an absolute URL."""


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
    check_json(body)
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise faults_of(error) from error


def parsed_query(kind: type[Model], request: Request) -> Model:
    """The query parameters as a model; misspelt and repeated ones are refused, not passed over.

    Raises:
        InvalidRequest: naming every parameter that is wrong.
    """
    only_known(request, set(kind.model_fields))
    try:
        return kind.model_validate(dict(request.query_params))
    except ValidationError as error:
        raise faults_of(error) from error


def faults_of(error: ValidationError) -> InvalidRequest:
    """The error that names every field with what is wrong in it."""
    faults = tuple(
        (
            ".".join(ascii(str(part)[:40])[1:-1] for part in fault["loc"]) or "body",
            fault["msg"].removeprefix("Value error, "),
        )
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    )
    return InvalidRequest(f"{faults[0][0]} {_uncapitalized(faults[0][1])}.", faults)


def _uncapitalized(text: str) -> str:
    return text[:1].lower() + text[1:]


def only_known(request: Request, known: set[str]) -> None:
    """Refuse misspelt and repeated query parameters rather than pass over them.

    Raises:
        InvalidRequest: naming the first.
    """
    names = [name for name, _value in request.query_params.multi_items()]
    for name, value in request.query_params.multi_items():
        if name not in known:
            raise invalid(ascii(name[:40])[1:-1], f"is unknown; {_advice(name, known)}")
        if names.count(name) > 1:
            raise invalid(name, "is given twice")
        if "\x00" in value:
            raise invalid(name, "must not hold NUL characters")


_MEANT = {
    **dict.fromkeys(("extension", "ext", "format", "type"), ("q", "q=format:jpg")),
    **dict.fromkeys(("tag", "tags"), ("q", "q=tags:sea")),
    **dict.fromkeys(("search", "query", "text", "filter"), ("q", "q")),
    **dict.fromkeys(
        ("page", "offset", "skip", "start", "after"),
        ("cursor", "cursor, with the next_cursor of the page before"),
    ),
    **dict.fromkeys(("per_page", "page_size", "count", "size", "max"), ("limit", "limit")),
    **dict.fromkeys(("sort_by", "order_by", "orderby"), ("sort", "sort and order")),
    **dict.fromkeys(("direction", "dir"), ("order", "order")),
    **dict.fromkeys(("user", "user_id", "owner_id"), ("owner", "owner")),
    **dict.fromkeys(("album", "collection_id"), ("collection", "collection")),
    **dict.fromkeys(("include_total", "with_total", "include"), ("total", "total=true")),
}
"""What other services call it: the parameter that has to be known here, and what to say."""


def _advice(name: str, known: set[str]) -> str:
    parameter, words = _MEANT.get(name.lower(), ("", ""))
    if parameter in known:
        return f"use {words}"
    return f"known are {', '.join(sorted(known))}" if known else "there are none here"


def invalid(loc: str, msg: str) -> InvalidRequest:
    """The error for one parameter or field."""
    return InvalidRequest(f"{loc} {msg}.", ((loc, msg),))


def _instant(text: object) -> object:
    if not isinstance(text, str):
        return text
    try:
        instant = datetime.fromisoformat(text)
        return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError("must be an instant such as 2026-01-31T12:00:00Z") from error


def _id(text: object) -> object:
    if not isinstance(text, str):
        return text
    try:
        return parse_id(text)
    except NotFound as error:
        raise ValueError("must be an id") from error


Instant = Annotated[datetime, BeforeValidator(_instant)]
"""An RFC 3339 instant, or a date in UTC."""
Id = Annotated[UUID, BeforeValidator(_id)]


class Query(BaseModel):
    """Query parameters; each field is one."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def base_of(request: Request) -> str:
    """What the URLs in an answer begin with, before the path of a route."""
    base: str = request.scope.get(BASE, "")
    return base


def absolute_base_of(request: Request) -> str:
    """The same with scheme and host, where the settings or a trusted proxy say them.

    The Host field of a stranger must not decide where a client goes next.
    """
    origin: str = request.scope.get(ORIGIN, "")
    return f"{origin}{base_of(request)}"
