"""Routes of operations: they admit, parse and validate requests before the endpoint is called."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from imagesvc.auth.authenticator import Authenticator
from imagesvc.auth.principals import STRANGER, Principal, Scope
from imagesvc.auth.rates.limits import Limit, RateLimits, rate_limit_headers
from imagesvc.errors import Forbidden, Unauthorized
from imagesvc.http.bodies.receiving import Streamed, StreamedBody, drained_on_error
from imagesvc.http.bodies.slow_bodies import SlowBody
from imagesvc.http.calls import Call, Context
from imagesvc.http.idempotency import Idempotency
from imagesvc.http.operations import Grammar, Operation, operations_of
from imagesvc.http.requests import only_known, parsed_query
from imagesvc.http.route_classes import route_class
from imagesvc.model.noted import noted_in

LOOKUP_SECONDS = 60.0
"""More than it takes to look up a credential that had not expired when its request began."""
ReadBody = Callable[[Request], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Routes:
    """Makes the routes of operations. Requests are checked in this order.

    Credential, rate limit and scope (401, 429, 403); query (400); Idempotency-Key (400, 409);
    the subject (404, 403); the body (415, 413, 400), and the credential again if it was slow.
    """

    authenticator: Authenticator
    limits: RateLimits
    idempotency: Idempotency

    def of(self, resource: object) -> list[Route]:
        """The routes of the operations that the class of an instance declares."""
        return [self._route(operation, resource) for operation in operations_of(type(resource))]

    def _route(self, operation: Operation, resource: object) -> Route:
        is_counted = operation.scope is not None or operation.limit is not None
        kind = route_class(operation)

        async def serve(request: Request) -> Response:
            noted = noted_in(request.scope)
            noted.route, noted.template = kind, operation.path
            requester = await self._admitted(operation, request) if is_counted else STRANGER
            if operation.scope is not None and operation.body is not None:
                request = self._watched(operation, request, requester)
            response = await self._received(operation, resource, Context(request, requester))
            if is_counted:
                response.headers.update(rate_limit_headers(request))
            return response

        return Route(operation.path, serve, methods=[operation.method], name=operation.name)

    async def _admitted(self, operation: Operation, request: Request) -> Principal:
        """The principal of the request.

        Raises:
            Unauthorized, RateLimited, InsufficientScope: the principal may not use the operation.
        """
        if operation.scope is None:
            self.limits.check(operation.limit or Limit.ADDRESS, request)
            return STRANGER
        try:
            principal = await self.authenticator.principal(request)
        except Unauthorized:
            self.limits.check(Limit.ADDRESS, request)  # attempts to guess credentials are counted
            raise
        self.limits.check(operation.limit or Limit.PRINCIPAL, request, principal)
        principal.check(operation.scope)
        if operation.is_change:
            self.authenticator.check_site(request)
        return principal

    def _watched(self, operation: Operation, request: Request, requester: Principal) -> Request:
        """The request, whose requester is looked up again when its body has arrived slowly.

        An expiry meanwhile withdraws nothing: large files may take longer than a token lasts.
        """

        async def check(seconds: float) -> None:
            now = await self.authenticator.authenticate_again(
                request, late=seconds + LOOKUP_SECONDS
            )
            now.check(operation.scope or Scope.ADMIN)
            if replace(now, name=requester.name) != requester:
                raise Forbidden("The rights of the credential have changed; send it again.")

        return Request(request.scope, SlowBody(request.receive, check))

    async def _received(self, operation: Operation, resource: object, context: Context) -> Response:
        """The response to an admitted request; after an error a streamed body is drained."""
        body = operation.body
        if not isinstance(body, Streamed):
            read = None if body is None else body.read
            return await self._answered(operation, resource, context, read)
        streamed = StreamedBody(context.request.receive)
        answer = self._answered(operation, resource, context, functools.partial(_same, streamed))
        return await drained_on_error(context.request, streamed, answer)

    async def _answered(
        self, operation: Operation, resource: object, context: Context, read: ReadBody | None
    ) -> Response:
        query = _query(operation, context.request)
        if not operation.is_idempotent:
            call = await _call(operation, resource, context, query, read)
            return await operation.endpoint(resource, call)
        with self.idempotency.attempt(context.request, context.requester) as attempt:
            call = await _call(operation, resource, context, query, read)
            return await operation.endpoint(resource, replace(call, attempt=attempt))


async def _call(
    operation: Operation, resource: object, context: Context, query: Any, read: ReadBody | None
) -> Call[Any, Any]:
    """The argument of the endpoint, after the subject was found and the body was read."""
    find, subject = operation.find_subject, None
    if find is not None:
        subject = await find(resource, context)
    body = None if read is None else await read(context.request)
    return Call(context.request, context.requester, query, body, subject=subject)


def _query(operation: Operation, request: Request) -> Any:
    """The query, parsed and validated; None if the operation declares no model.

    Raises:
        InvalidRequest: names every invalid parameter.
    """
    if isinstance(operation.query, Grammar):
        return None
    if operation.query is None:
        return only_known(request, set())
    return parsed_query(operation.query, request)


async def _same(body: StreamedBody, _request: Request) -> StreamedBody:
    return body
