"""Small bodies: JSON and forms, read whole, up to a limit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from imagesvc.errors import FileTooLarge, InvalidRequest
from imagesvc.http.bodies.content_type import (
    FORM,
    JSON,
    MERGE_PATCH,
    check_encoding,
    check_media_type,
)
from imagesvc.http.bodies.declared import Body, Content
from imagesvc.http.requests import faults_of, invalid, parsed_json

Model = TypeVar("Model", bound=BaseModel)

MAX_BODY = 64 << 10


@dataclass(frozen=True, slots=True)
class Json(Body[Model], Generic[Model]):
    """JSON of a model."""

    model: type[Model]
    max_bytes: int = MAX_BODY

    @property
    def contents(self) -> Mapping[str, Content]:
        """JSON."""
        return {JSON: self.model}

    async def read(self, request: Request) -> Model:
        """The model that the body is."""
        check_media_type(request, JSON)
        return parsed_json(self.model, await _whole(request, self.max_bytes))


@dataclass(frozen=True, slots=True)
class MergePatch(Body[Model], Generic[Model]):
    """A merge patch (RFC 7396), whose model has `MISSING` for members that are absent."""

    model: type[Model]

    @property
    def contents(self) -> Mapping[str, Content]:
        """JSON; the media type of merge patches is also accepted."""
        return {JSON: self.model}

    async def read(self, request: Request) -> Model:
        """The model that the body is."""
        check_media_type(request, JSON, MERGE_PATCH)
        return parsed_json(self.model, await _whole(request))


@dataclass(frozen=True, slots=True)
class JsonOrForm(Body[Model], Generic[Model]):
    """A model as JSON, or as the fields of a form, which RFC 6749 and RFC 7009 require."""

    model: type[Model]

    @property
    def contents(self) -> Mapping[str, Content]:
        """JSON and form."""
        return {JSON: self.model, FORM: self.model}

    async def read(self, request: Request) -> Model:
        """The model that the body is."""
        if check_media_type(request, JSON, FORM) == JSON:
            return parsed_json(self.model, await _whole(request))
        try:
            return self.model.model_validate(_fields(await _whole(request)))
        except ValidationError as error:
            raise faults_of(error) from error


def _fields(body: bytes) -> dict[str, str]:
    """The fields of a form.

    Raises:
        InvalidRequest: it is not a form, or names a field twice.
    """
    try:
        pairs = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True,
            strict_parsing=True, max_num_fields=50, errors="strict",
        )  # fmt: skip
    except ValueError as error:
        raise InvalidRequest("The body is not a form of fields in UTF-8.") from error
    for name, value in pairs:
        if "\x00" in value:
            raise invalid(ascii(name[:40])[1:-1], "must not contain NUL characters")
        if [other for other, _value in pairs].count(name) > 1:
            raise invalid(ascii(name[:40])[1:-1], "is given twice")
    return dict(pairs)


async def _whole(request: Request, max_bytes: int = MAX_BODY) -> bytes:
    check_encoding(request)
    return await gathered(request.stream(), max_bytes)


async def gathered(pieces: AsyncIterator[bytes], max_bytes: int = MAX_BODY) -> bytes:
    """A body that arrives in pieces.

    Raises:
        FileTooLarge: it is longer than `max_bytes`.
    """
    data = b""
    async for piece in pieces:
        data += piece
        if len(data) > max_bytes:
            raise FileTooLarge(f"The body is larger than {max_bytes:,} bytes.")
    return data
