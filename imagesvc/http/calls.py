"""The argument of an endpoint: the request, its requester, and its parsed query and body."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from starlette.requests import Request

from imagesvc.auth.principals import Principal
from imagesvc.http.idempotency import Attempt
from imagesvc.http.requests import absolute_base_of, base_of, invalid
from imagesvc.model.ids import parse_id

B = TypeVar("B")
Q = TypeVar("Q")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Header(Generic[T]):
    """A header field of requests that an operation declares."""

    name: str
    description: str
    read: Callable[[str], T]
    """Parses the text of the field; it raises ValueError with the reason."""
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})


@dataclass(frozen=True, slots=True)
class Context:
    """A request that its operation admitted; its body has not been read yet."""

    request: Request
    requester: Principal
    """The principal of the request; `STRANGER` if the operation needs no scope."""

    @property
    def base(self) -> str:
        """The prefix of the URLs in the response, before the path of a route."""
        return base_of(self.request)

    @property
    def base_path(self) -> str:
        """The path of `base`, by which pages name their URLs on every host of the service."""
        return urlsplit(self.base).path

    @property
    def absolute_base(self) -> str:
        """The same with scheme and host, if the settings or a trusted proxy name them."""
        return absolute_base_of(self.request)

    def id(self, name: str) -> UUID:
        """An id in the path.

        Raises:
            NotFound: it is not an id.
        """
        return parse_id(self.request.path_params[name])

    def header(self, header: Header[T]) -> T | None:
        """The value of a header field; None if it is absent or empty.

        Raises:
            InvalidRequest: the value is wrong.
        """
        text = self.request.headers.get(header.name)
        if not text:
            return None
        try:
            return header.read(text)
        except ValueError as error:
            raise invalid(header.name, str(error)) from error


@dataclass(frozen=True, slots=True)
class Call(Context, Generic[Q, B]):
    """A request whose query and body are parsed and validated, as its operation declares them."""

    query: Q
    body: B
    attempt: Attempt | None = None
    """Set for an idempotent operation if the request has an Idempotency-Key."""
    subject: Any = None
    """The object that `with_subject` found."""
