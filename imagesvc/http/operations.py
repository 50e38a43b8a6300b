"""Operations of the API: each is declared once, at the method that serves it.

`operation` records the input, responses and errors of an endpoint. Routes (`http/routes.py`) and
the OpenAPI document (`http/openapi`) are made from these declarations, which need no instances.
"""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any, TypedDict, TypeVar, Unpack, cast, overload

from pydantic import BaseModel
from starlette.responses import Response

from imagesvc.auth.principals import Scope
from imagesvc.auth.rates.limits import Limit
from imagesvc.errors import ImagesvcError
from imagesvc.http.bodies.declared import Body, Content
from imagesvc.http.calls import Call, Context, Header

B = TypeVar("B")
Q = TypeVar("Q")
QueryModel = TypeVar("QueryModel", bound=BaseModel)
S = TypeVar("S")
T = TypeVar("T")

Answered = Coroutine[Any, Any, Response]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter of a grammar that cannot be a model."""

    name: str
    description: str
    schema: Mapping[str, Any]
    example: Any = None


@dataclass(frozen=True, slots=True)
class Grammar:
    """A query that the endpoint parses itself."""

    parameters: tuple[Parameter, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful response: its content, None for no body, and its headers with their meaning."""

    content: Content | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


LOCATION: Mapping[str, str] = {"Location": "The URL of the new resource."}
EDIT_VERSION: Mapping[str, str] = {"ETag": "The version, which an edit may name in If-Match."}


@dataclass(frozen=True, slots=True)
class Operation:
    """One method at one path.

    The docstring of `endpoint` is its description: the first line is the summary, and the sections
    from `Raises:` on are left out.
    """

    name: str
    """The operation id, from which generated clients derive the names of functions."""
    method: str
    path: str
    endpoint: Callable[[Any, Call[Any, Any]], Answered]
    """The method of the class that declares it, not bound to an instance."""
    tag: str
    answers: Mapping[int, Answer]
    """By status."""
    errors: tuple[type[ImagesvcError], ...] = ()
    """Errors in addition to those that every operation may raise."""
    scope: Scope | None = None
    """The scope that the requester's credential needs; None if no credential is needed."""
    scope_if_private: Scope | None = None
    """The scope that the endpoint itself requires for private data."""
    limit: Limit | None = None
    """The rate limit; None counts by principal, or not at all for an operation without a scope."""
    query: type[BaseModel] | Grammar | None = None
    """None refuses every query parameter."""
    is_query_documented: bool = True
    is_documented: bool = True
    """Whether it is in the OpenAPI document; pages for browsers are not."""
    headers: tuple[Header[Any], ...] = ()
    body: Body[Any] | None = None
    is_change: bool = False
    """Whether a GET has side effects or occupies a resource, and is therefore checked like a
    change.
    """
    is_idempotent: bool = False
    """Whether requests may have an Idempotency-Key, which makes `call.attempt`."""

    @property
    def find_subject(self) -> Callable[[Any, Context], Awaitable[Any]] | None:
        """Finds the subject of a request, if the endpoint has one."""
        found: Callable[[Any, Context], Awaitable[Any]] | None = vars(self.endpoint).get(_SUBJECT)
        return found


class _Declared(TypedDict, total=False):
    """The keyword arguments of `operation` that do not affect the type of the endpoint's call."""

    tag: str
    answers: Mapping[int, Answer | Content | None]
    errors: tuple[type[ImagesvcError], ...]
    scope: Scope
    scope_if_private: Scope
    limit: Limit
    is_query_documented: bool
    is_documented: bool
    headers: tuple[Header[Any], ...]
    is_change: bool
    is_idempotent: bool


Endpoint = Callable[[S, Call[Q, B]], Answered]
_OPERATIONS, _SUBJECT = "imagesvc_operations", "imagesvc_subject"


@overload
def operation(
    name: str, method: str, path: str, *, query: Grammar = ..., **declared: Unpack[_Declared]
) -> Callable[[Endpoint[S, None, None]], Endpoint[S, None, None]]: ...
@overload
def operation(
    name: str, method: str, path: str, *, query: type[QueryModel], **declared: Unpack[_Declared]
) -> Callable[[Endpoint[S, QueryModel, None]], Endpoint[S, QueryModel, None]]: ...
@overload
def operation(
    name: str,
    method: str,
    path: str,
    *,
    query: Grammar = ...,
    body: Body[B],
    **declared: Unpack[_Declared],
) -> Callable[[Endpoint[S, None, B]], Endpoint[S, None, B]]: ...
@overload
def operation(
    name: str,
    method: str,
    path: str,
    *,
    query: type[QueryModel],
    body: Body[B],
    **declared: Unpack[_Declared],
) -> Callable[[Endpoint[S, QueryModel, B]], Endpoint[S, QueryModel, B]]: ...
def operation(name: str, method: str, path: str, **declared: Any) -> Any:
    """Declare that an endpoint serves an operation; the arguments are the fields of `Operation`.

    An endpoint may serve several. Content in `answers` stands for an answer without headers.
    """
    answers = {
        status: answer if isinstance(answer, Answer) else Answer(answer)
        for status, answer in declared.pop("answers").items()
    }

    def declare(endpoint: Any) -> Any:
        made = Operation(name, method, path, endpoint, answers=answers, **declared)
        vars(endpoint)[_OPERATIONS] = (made, *vars(endpoint).get(_OPERATIONS, ()))
        return endpoint

    return declare


def with_subject(
    find: Callable[[S, Context], Awaitable[T]],
) -> Callable[[Callable[[S, Call[Q, B], T], Answered]], Endpoint[S, Q, B]]:
    """Pass an endpoint the subject of the request, which `find` finds.

    The subject is found and its permissions are checked after the query and before the body is
    read.
    """

    def wrap(function: Callable[[S, Call[Q, B], T], Answered]) -> Endpoint[S, Q, B]:
        @functools.wraps(function)
        async def endpoint(self: S, call: Call[Q, B]) -> Response:
            return await function(self, call, cast("T", call.subject))

        vars(endpoint)[_SUBJECT] = find
        return endpoint

    return wrap


def operations_of(resource: type) -> list[Operation]:
    """The operations that a class declares, in order."""
    return [
        made
        for function in vars(resource).values()
        if isinstance(function, FunctionType)
        for made in vars(function).get(_OPERATIONS, ())
    ]
