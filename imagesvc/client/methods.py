"""Methods that `Client` and `AsyncClient` share. A method is declared once, without I/O.

On a client with a `Transport` such a method returns its result; on one with an `AsyncTransport` it
is awaited, or iterated with `async for`.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from types import MethodType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from .calls import Call
from .flows import Flow
from .models import Page
from .transports import AsyncTransport, Transport

P = ParamSpec("P")
R = TypeVar("R")
A = TypeVar("A")
T = TypeVar("T")


class Method(Generic[P, R, A]):
    """A method that returns an R on one kind of client and an A on the other."""

    def __init__(self, function: Callable[..., R], asynchronous: Callable[..., A]) -> None:
        self._function = function
        self._asynchronous = asynchronous

    @overload
    def __get__(self, client: None, kind: type) -> Callable[..., Any]: ...
    @overload
    def __get__(self, client: Transport, kind: type) -> Callable[P, R]: ...
    @overload
    def __get__(self, client: AsyncTransport, kind: type) -> Callable[P, A]: ...
    def __get__(self, client: object, kind: type) -> Callable[..., Any]:
        """A function of the class, or a bound method of the client."""
        is_asynchronous = issubclass(kind, AsyncTransport)
        function = self._asynchronous if is_asynchronous else self._function
        return function if client is None else MethodType(function, client)


def method(
    function: Callable[Concatenate[Any, P], Flow[T]],
) -> Method[P, T, Coroutine[Any, Any, T]]:
    """A method with one result, made of a function that returns a flow."""

    @functools.wraps(function)
    def do(self: Transport, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._do(function(self, *args, **kwargs))

    @functools.wraps(function)
    async def do_async(self: AsyncTransport, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._do(function(self, *args, **kwargs))

    result = _argument(function.__annotations__["return"])
    return Method(_returning(do, result), _returning(do_async, result))


def listing(
    function: Callable[Concatenate[Any, P], Call[Page[T]]],
) -> Method[P, Iterator[T], AsyncIterator[T]]:
    """A method with every item of a list, made of a function that returns the first page's call."""

    @functools.wraps(function)
    def items(self: Transport, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        return self._items(function(self, *args, **kwargs))

    @functools.wraps(function)
    def items_async(self: AsyncTransport, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        return self._items(function(self, *args, **kwargs))

    item = _argument(_argument(function.__annotations__["return"]))
    return Method(
        _returning(items, f"Iterator[{item}]"), _returning(items_async, f"AsyncIterator[{item}]")
    )


def _argument(annotation: str) -> str:
    """The type in the brackets of a generic type."""
    return annotation[annotation.index("[") + 1 : -1]


def _returning(function: Callable[..., R], result: str) -> Callable[..., R]:
    """Annotate a function with the result that its callers get, which `help()` shows."""
    signature = inspect.signature(function).replace(return_annotation=result)
    function.__signature__ = signature  # type: ignore[attr-defined]  # a function may have one
    function.__annotations__ = {**function.__annotations__, "return": result}
    return function
