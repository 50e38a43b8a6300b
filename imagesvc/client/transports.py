"""How flows are done: the only I/O of the client, blocking, or with asyncio or trio."""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Iterator
from functools import cache
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import unquote

import anyio
import httpx2

from .calls import Call
from .flows import Came, Flow, Pause, answered, following
from .models import Page

T = TypeVar("T")
TIMEOUT = 60.0
UNIX = "http+unix://"


class Transport:
    """Connections to a service, used for one request at a time."""

    def __init__(self, base_url: str, *, key: str | None = None, timeout: float = TIMEOUT) -> None:
        path, url = unix_path(base_url)
        self._http = httpx2.Client(
            base_url=url,
            headers=_credential(key),
            timeout=timeout,
            verify=_tls(),
            transport=None if path is None else httpx2.HTTPTransport(uds=path, verify=_tls()),
        )
        self._headers = self._http.headers

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _items(self, call: Call[Page[T]]) -> Iterator[T]:
        following_call: Call[Page[T]] | None = call
        while following_call is not None:
            page = self._do(answered(following_call))
            yield from page.data
            following_call = following(following_call, page)

    def _do(self, flow: Flow[T]) -> T:
        came: Came = None
        with contextlib.closing(flow):
            while True:
                try:
                    step = flow.send(came)
                except StopIteration as end:
                    result: T = end.value
                    return result
                if isinstance(step, Pause):
                    time.sleep(step.seconds)
                    came = None
                else:
                    came = self._send(step)

    def _send(self, call: Call[Any]) -> httpx2.Response | httpx2.TransportError:
        try:
            content = None if call.content is None else call.pieces()
            if call.is_elsewhere:
                with httpx2.Client(timeout=self._http.timeout, verify=_tls()) as others:
                    return others.request(content=content, **call.arguments())
            return self._http.request(
                content=content, follow_redirects=call.method == "GET", **call.arguments()
            )
        except httpx2.TransportError as error:
            return error


class AsyncTransport:
    """Connections to a service, used for many requests at a time."""

    def __init__(self, base_url: str, *, key: str | None = None, timeout: float = TIMEOUT) -> None:
        path, url = unix_path(base_url)
        self._http = httpx2.AsyncClient(
            base_url=url,
            headers=_credential(key),
            timeout=timeout,
            verify=_tls(),
            transport=None if path is None else httpx2.AsyncHTTPTransport(uds=path, verify=_tls()),
        )
        self._headers = self._http.headers

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _items(self, call: Call[Page[T]]) -> AsyncIterator[T]:
        following_call: Call[Page[T]] | None = call
        while following_call is not None:
            page = await self._do(answered(following_call))
            for item in page.data:
                yield item
            following_call = following(following_call, page)

    async def _do(self, flow: Flow[T]) -> T:
        came: Came = None
        with contextlib.closing(flow):
            while True:
                try:
                    step = flow.send(came)
                except StopIteration as end:
                    result: T = end.value
                    return result
                if isinstance(step, Pause):
                    await anyio.sleep(step.seconds)
                    came = None
                else:
                    came = await self._send(step)

    async def _send(self, call: Call[Any]) -> httpx2.Response | httpx2.TransportError:
        try:
            content = None if call.content is None else _asynchronous(call.pieces())
            if call.is_elsewhere:
                async with httpx2.AsyncClient(timeout=self._http.timeout, verify=_tls()) as others:
                    return await others.request(content=content, **call.arguments())
            return await self._http.request(
                content=content, follow_redirects=call.method == "GET", **call.arguments()
            )
        except httpx2.TransportError as error:
            return error


@cache
def _tls() -> ssl.SSLContext:
    """What all clients of the process share: loading the authorities takes tens of milliseconds."""
    return httpx2.create_ssl_context()


def unix_path(base_url: str) -> tuple[str | None, str]:
    """The path of the Unix socket that a URL such as `http+unix://%2Frun%2Fimagesvc.sock` names.

    Returns:
        The path, None for other URLs, and the URL for requests.
    """
    if not base_url.startswith(UNIX):
        return None, base_url
    name, slash, rest = base_url.removeprefix(UNIX).partition("/")
    return unquote(name), f"http://localhost{slash}{rest}"


def _credential(key: str | None) -> dict[str, str]:
    return {} if key is None else {"authorization": f"Bearer {key}"}


async def _asynchronous(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
