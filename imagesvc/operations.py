"""The operations of the API: what serves each, who may call it, and what its document says."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from imagesvc.auth.authenticator import Authenticator
from imagesvc.auth.principals import Scope
from imagesvc.errors import ImagesvcError

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Raw:
    """A body that is no JSON: its media types, and its schema where that is more than bytes."""

    media_types: tuple[str, ...]
    schema: Mapping[str, Any] = field(default_factory=dict)


Body = type[BaseModel] | Raw


@dataclass(frozen=True, slots=True)
class Operation:
    """One method at one path.

    The docstring of `endpoint` is its description: the first line sums it up, and what comes
    from `Raises:` on is left to `errors`.
    """

    name: str
    """The operation id, which generated clients name their functions after."""
    method: str
    path: str
    endpoint: Endpoint
    answers: Mapping[int, Body | None]
    """By status; None for no body."""
    tag: str
    scope: Scope | None = None
    """What the asker's credential must be good for; None when anybody may ask."""
    query: type[BaseModel] | None = None
    bodies: tuple[Body, ...] = ()
    """What the request's body may be: a JSON model, or raw ones."""
    errors: tuple[type[ImagesvcError], ...] = ()
    """Beside those that every operation may raise."""

    def route(self, authenticator: Authenticator) -> Route:
        """The route that serves it, guarded by its scope."""
        return Route(self.path, self._guarded(authenticator), methods=[self.method], name=self.name)

    def _guarded(self, authenticator: Authenticator) -> Endpoint:
        if self.scope is None:
            return self.endpoint
        scope, endpoint = self.scope, self.endpoint

        async def guarded(request: Request) -> Response:
            principal = await authenticator.principal(request)
            principal.check(scope)
            return await endpoint(request)

        return guarded
