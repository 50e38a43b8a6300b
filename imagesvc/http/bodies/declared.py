"""Bodies as operations declare them: the content of each media type, and how to read it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel
from starlette.requests import Request

BYTES: Mapping[str, Any] = {"type": "string", "format": "binary"}
TEXT: Mapping[str, Any] = {"type": "string"}
B_co = TypeVar("B_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Raw:
    """Content that is not JSON of a model: its media types and its schema."""

    media_types: tuple[str, ...]
    schema: Mapping[str, Any] = field(default_factory=lambda: BYTES)


Content = type[BaseModel] | Raw


class Body(ABC, Generic[B_co]):
    """The body of a request."""

    @property
    @abstractmethod
    def contents(self) -> Mapping[str, Content]:
        """The content in the OpenAPI document, by media type."""

    @abstractmethod
    async def read(self, request: Request) -> B_co:
        """The body of this request, parsed and validated.

        Raises:
            UnsupportedMediaType: its media type is not one of `contents`.
            FileTooLarge: the body is too long.
            InvalidRequest: names every invalid field.
        """
