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
from imagesvc.auth.limits import Limit, RateLimits, standing_headers
from imagesvc.auth.principals import Scope
from imagesvc.errors import ImagesvcError, Unauthorized

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Raw:
    """A body that is no JSON: its media types, and its schema where that is more than bytes."""

    media_types: tuple[str, ...]
    schema: Mapping[str, Any] = field(default_factory=dict)
    model: type[BaseModel] | None = None
    """Whose fields it has, where it is a form of them."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter that no query model has: a header field, or one row of a grammar."""

    name: str
    description: str
    schema: Mapping[str, Any]
    place: str = "query"
    """`query` or `header`."""
    example: Any = None


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
    parameters: tuple[Parameter, ...] = ()
    """Beside those of the path and of `query`."""
    errors: tuple[type[ImagesvcError], ...] = ()
    """Beside those that every operation may raise."""

    limit: Limit | None = None
    """What it is counted against; None for the principal, where a scope is needed, else nothing."""

    def route(self, authenticator: Authenticator, limits: RateLimits) -> Route:
        """The route that serves it, guarded by its scope and its limit."""
        guarded = self._guarded(self._scoped(authenticator, limits), limits)
        return Route(self.path, guarded, methods=[self.method], name=self.name)

    def _scoped(self, authenticator: Authenticator, limits: RateLimits) -> Endpoint:
        if self.scope is None:
            return self.endpoint
        scope, endpoint, limit = self.scope, self.endpoint, self.limit or Limit.PRINCIPAL

        async def scoped(request: Request) -> Response:
            try:
                principal = await authenticator.principal(request)
            except Unauthorized:
                limits.check(Limit.ADDRESS, request)  # nobody may guess for ever
                raise
            limits.check(limit, request, principal)
            principal.check(scope)
            return await endpoint(request)

        return scoped

    def _guarded(self, endpoint: Endpoint, limits: RateLimits) -> Endpoint:
        if self.scope is None and self.limit is None:
            return endpoint
        limit = self.limit if self.scope is None else None

        async def guarded(request: Request) -> Response:
            if limit is not None:
                limits.check(limit, request)
            response = await endpoint(request)
            response.headers.update(standing_headers(request))
            return response

        return guarded
