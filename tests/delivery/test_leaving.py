"""Work is cancelled when the client that waits for it leaves, and nothing else is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.types import Message

from imagesvc.delivery.leaving import ClientLeft, unless_client_leaves
from imagesvc.errors import RequestTimeout

pytestmark = pytest.mark.anyio
Receive = Callable[[], Awaitable[Message]]


class Work:
    """Work that goes on until it is told to end."""

    def __init__(self) -> None:
        self.end = asyncio.Event()
        self.was_cancelled = False

    async def run(self) -> str:
        """Wait for the end."""
        try:
            await self.end.wait()
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        return "made"


def client(left: asyncio.Event) -> Receive:
    """A client whose request has no body, and that leaves at an event."""
    messages = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive() -> Message:
        for message in messages:
            return message
        await left.wait()
        return {"type": "http.disconnect"}

    return receive


async def test_work_ends_for_a_client_that_stays() -> None:
    work, left = Work(), asyncio.Event()
    waiting = asyncio.create_task(unless_client_leaves(client(left), work.run()))
    await asyncio.sleep(0)
    work.end.set()

    assert await waiting == "made"
    left.set()
    await asyncio.sleep(0)
    assert waiting.cancelling() == 0


async def test_work_is_cancelled_for_a_client_that_leaves() -> None:
    """The request's own task goes on: it has a response to log."""
    work, left = Work(), asyncio.Event()

    async def request() -> str:
        try:
            return await unless_client_leaves(client(left), work.run())
        except ClientLeft:
            await asyncio.sleep(0)
            return "left"

    waiting = asyncio.create_task(request())
    await asyncio.sleep(0)
    left.set()

    assert await waiting == "left"
    assert work.was_cancelled
    assert waiting.cancelling() == 0


async def test_a_cancelled_request_stays_cancelled_though_its_client_leaves_too() -> None:
    work, left = Work(), asyncio.Event()
    waiting = asyncio.create_task(unless_client_leaves(client(left), work.run()))
    await asyncio.sleep(0)
    left.set()
    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert work.was_cancelled


async def test_a_client_whose_body_stalls_counts_as_gone() -> None:
    work = Work()

    async def receive() -> Message:
        raise RequestTimeout("The body did not arrive in time.")

    with pytest.raises(ClientLeft):
        await unless_client_leaves(receive, work.run())
    assert work.was_cancelled


async def test_an_error_of_the_work_is_that_of_the_request() -> None:
    async def fail() -> str:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await unless_client_leaves(client(asyncio.Event()), fail())
