"""Small bodies: JSON and forms, read whole, up to a bound."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel
from python_multipart.multipart import parse_options_header
from starlette.requests import Request

from imagesvc.errors import FileTooLarge, InvalidRequest, UnsupportedMediaType
from imagesvc.http.requests import invalid, parsed_json

Model = TypeVar("Model", bound=BaseModel)

MAX_BODY = 64 << 10
JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
"""RFC 7396: members that are absent stay as they are."""
FORM = "application/x-www-form-urlencoded"


async def sent_json(request: Request, kind: type[Model]) -> Model:
    """The JSON body of a request as a model.

    Raises:
        UnsupportedMediaType: the body is said to be something else.
        FileTooLarge: it is longer than `MAX_BODY`.
        InvalidRequest: naming every field that is wrong.
    """
    check_media_type(request, JSON)
    return parsed_json(kind, await whole(request))


async def sent_patch(request: Request, kind: type[Model]) -> Model:
    """The JSON body of a PATCH as a model, whose `model_fields_set` tells what is to change.

    Raises:
        UnsupportedMediaType, FileTooLarge, InvalidRequest: as `sent_json`.
    """
    check_media_type(request, JSON, MERGE_PATCH)
    return parsed_json(kind, await whole(request))


async def sent_form(request: Request) -> dict[str, str]:
    """The form that is a request's body.

    Raises:
        FileTooLarge: it is longer than `MAX_BODY`.
        InvalidRequest: it is no form, or names a field twice.
    """
    try:
        pairs = parse_qsl(
            (await whole(request)).decode("utf-8"), keep_blank_values=True,
            strict_parsing=True, max_num_fields=50, errors="strict",
        )  # fmt: skip
    except ValueError as error:
        raise InvalidRequest("The body is no form of fields in UTF-8.") from error
    for name, value in pairs:
        if "\x00" in value:
            raise invalid(ascii(name[:40])[1:-1], "must not hold NUL characters")
        if [other for other, _value in pairs].count(name) > 1:
            raise invalid(ascii(name[:40])[1:-1], "is given twice")
    return dict(pairs)


def media_type_of(request: Request) -> str:
    """The media type that the request says its body has."""
    media_type, _options = parse_options_header(request.headers.get("content-type", ""))
    return media_type.decode("latin-1").lower()


def check_media_type(request: Request, *taken: str) -> None:
    """Raises `UnsupportedMediaType` when the body is said to be nothing that is taken."""
    if media_type_of(request) not in taken:
        raise UnsupportedMediaType(f"The body must be {' or '.join(taken)}.")


async def whole(request: Request) -> bytes:
    """The body of a request.

    Raises:
        UnsupportedMediaType: it is compressed.
        FileTooLarge: it is longer than `MAX_BODY`.
    """
    check_encoding(request)
    return await gathered(request.stream())


def check_encoding(request: Request) -> None:
    """Raises `UnsupportedMediaType` when the body is compressed (RFC 9110, section 8.4)."""
    coding = request.headers.get("content-encoding", "identity")
    if coding.lower() not in {"", "identity"}:
        raise UnsupportedMediaType(
            "Content-Encoding is not supported; the body must be sent without it."
        )


async def gathered(pieces: AsyncIterator[bytes]) -> bytes:
    """A body that comes in pieces.

    Raises:
        FileTooLarge: it is longer than `MAX_BODY`.
    """
    data = b""
    async for piece in pieces:
        data += piece
        if len(data) > MAX_BODY:
            raise FileTooLarge(f"The body is larger than {MAX_BODY:,} bytes.")
    return data
