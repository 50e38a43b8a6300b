"""Small pieces that the resources share: JSON answers and query parameters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, TypeVar
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from imagesvc.errors import InvalidRequest, NotFound
from imagesvc.http.bodies.strict_json import check_json
from imagesvc.http.other_names import advice
from imagesvc.model.ids import parse_id
from imagesvc.syntax.url_bases import absolute_base_in, base_in

Model = TypeVar("Model", bound=BaseModel)


def json_response(
    model: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A model as JSON."""
    headers = {"cache-control": "no-store", **(headers or {})}
    return Response(model.model_dump_json(), status, headers, "application/json")


def parsed_json(kind: type[Model], body: bytes) -> Model:
    """A JSON body as a model.

    Raises:
        InvalidRequest: names every invalid field.
    """
    check_json(body)
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise faults_of(error) from error


def parsed_query(kind: type[Model], request: Request) -> Model:
    """The query parameters as a model, which decides whether unknown ones are errors.

    Raises:
        InvalidRequest: names every invalid parameter.
    """
    values = query_values(request, kind)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise faults_of(error) from error


def faults_of(error: ValidationError) -> InvalidRequest:
    """The error that names every invalid field with its error."""
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


def query_values(request: Request, kind: type[BaseModel]) -> dict[str, str]:
    """The query parameters of a model by name; a list that is given several times is joined.

    Raises:
        InvalidRequest: names the first that is misspelt or repeated.
    """
    if not request.scope["query_string"]:
        return {}
    if kind.model_config.get("extra") != "forbid":
        return dict(request.query_params)
    known = {info.alias or name for name, info in kind.model_fields.items()}
    return _values(request, known, getattr(kind, "LISTS", frozenset()))


def only_known(request: Request, known: set[str]) -> None:
    """Refuse misspelt and repeated query parameters.

    Raises:
        InvalidRequest: names the first.
    """
    if request.scope["query_string"]:
        _values(request, known, frozenset())


def _values(request: Request, known: set[str], lists: frozenset[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for given, value in request.query_params.multi_items():
        plain = given.removesuffix("[]")  # as axios, PHP and Rails write lists
        name = plain if plain in lists else given
        if name not in known:
            raise invalid(ascii(name[:40])[1:-1], f"is unknown; {advice(name, known)}")
        if "\x00" in value:
            raise invalid(name, "must not contain NUL characters")
        if name in values and name not in lists:
            raise invalid(name, "is given twice in the query")
        values[name] = f"{values[name]},{value}" if name in values else value
    return values


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


def in_utc(instant: datetime) -> datetime:
    """The same instant in UTC.

    Raises:
        ValueError: UTC has no such year.
    """
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("must lie in a year from 1 to 9999 in UTC") from error


def base_of(request: Request) -> str:
    """The prefix of the URLs in a response, before the path of a route."""
    return base_in(request.scope)


def absolute_base_of(request: Request) -> str:
    """The same with scheme and host, if the settings or a trusted proxy name them."""
    return absolute_base_in(request.scope)
