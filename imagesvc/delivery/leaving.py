"""Clients that disconnect before their response: the work for them is cancelled."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import Any, TypeVar

from starlette.types import Receive

from imagesvc.errors import ImagesvcError

T = TypeVar("T")


class ClientLeft(Exception):
    """The client closed its connection."""


async def unless_client_leaves(receive: Receive, work: Awaitable[T]) -> T:
    """Await work for the client of a request; it is cancelled when the client disconnects.

    Args:
        receive: of the request, whose body is not read.
        work: the work that the client waits for.

    Raises:
        ClientLeft: the client disconnected.
    """
    waiting = asyncio.current_task()
    if waiting is None:
        raise RuntimeError("no task waits for the client")
    cancelled_before = waiting.cancelling()
    leaving = asyncio.create_task(_cancel_if_client_leaves(receive, waiting))
    try:
        return await work
    except asyncio.CancelledError:
        if leaving.done() and waiting.uncancel() <= cancelled_before:
            raise ClientLeft from None
        raise
    finally:
        leaving.cancel()  # from now on it cancels nothing, even if the client has just left


async def _cancel_if_client_leaves(receive: Receive, waiting: asyncio.Task[Any]) -> None:
    with contextlib.suppress(ImagesvcError):  # a body that stalls: its client counts as gone
        while (await receive())["type"] != "http.disconnect":
            pass
    waiting.cancel()
