"""Concurrent requests of one URL: the first uses the normal route, the others wait for it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from imagesvc.cache.memory import Entry, MemoryCache
from imagesvc.delivery.hot import HotPath
from imagesvc.model.formats import Format
from imagesvc.model.ids import ImageId, VariantKey, new_id, utc_now
from imagesvc.model.images import Variant
from imagesvc.syntax.appended import Appended
from tests.waiting import PATIENCE

REQUESTERS = 20
BODY = b"pixels"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def an_entry() -> Entry:
    now = utc_now()
    variant = Variant(
        VariantKey("k" * 64), ImageId(new_id()), "w=1", Format.JPEG, 1, 1, len(BODY), 0, now, now
    )
    return Entry(variant, BODY)


async def turns(count: int) -> None:
    """Let other tasks run this many times."""
    for _ in range(count):
        await asyncio.sleep(0)


class LongWay:
    """The application: slow, with a count of requests; it remembers responses if it may."""

    def __init__(self, *, remembers: bool, fails: bool = False) -> None:
        self.calls = 0
        self.is_read = asyncio.Event()
        self.is_read.set()
        self.memory = MemoryCache(1 << 20)
        self.hot = HotPath(self, self.memory, lambda *_: b"id", Appended())
        self._remembers = remembers
        self._fails = fails

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond after some turns of the loop."""
        self.calls += 1
        await turns(100)
        if self._fails:
            raise RuntimeError
        if self._remembers:
            entry = an_entry()
            self.memory.put(entry)
            self.hot.remember(scope, ImageId(new_id()), entry, [(b"etag", b'"e"')])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await self.is_read.wait()
        await send({"type": "http.response.body", "body": BODY})

    async def ask(self, method: str = "GET") -> bytes:
        """One request; the body of its answer."""
        scope: dict[str, Any] = {
            "type": "http", "method": method, "path": "/images/x", "query_string": b"w=1",
            "headers": [],
        }  # fmt: skip
        body = b""

        async def send(message: Message) -> None:
            nonlocal body
            body += message.get("body", b"")

        async def receive() -> Message:
            raise AssertionError

        await self.hot(scope, receive, send)
        return body


@pytest.mark.anyio
async def test_concurrent_requests_use_the_normal_route_once() -> None:
    """A new picture of a page is requested by every client that has the page open."""
    way = LongWay(remembers=True)

    bodies = await asyncio.gather(*(way.ask() for _ in range(REQUESTERS)))

    assert bodies == [BODY] * REQUESTERS
    assert way.calls == 1


@pytest.mark.anyio
async def test_without_a_remembered_answer_each_request_is_decided_separately() -> None:
    """A private image is an example.

    The response to the first requester says nothing about others.
    """
    way = LongWay(remembers=False)

    await asyncio.gather(*(way.ask() for _ in range(REQUESTERS)))

    assert way.calls == REQUESTERS


@pytest.mark.anyio
async def test_a_slow_reader_delays_no_other_request() -> None:
    """Other requests continue when the first response begins, not when it has been read."""
    way = LongWay(remembers=True)

    way.is_read.clear()
    first = asyncio.create_task(way.ask())
    await turns(3)
    second = await asyncio.wait_for(way.ask(), PATIENCE)

    assert second == BODY
    assert not first.done()
    way.is_read.set()
    await first


@pytest.mark.anyio
async def test_a_failed_or_cancelled_first_request_fails_no_other() -> None:
    """Each of the others then uses the normal route."""
    way = LongWay(remembers=False, fails=True)
    outcomes = await asyncio.gather(*(way.ask() for _ in range(3)), return_exceptions=True)
    assert way.calls == 3
    assert all(isinstance(outcome, RuntimeError) for outcome in outcomes)

    way = LongWay(remembers=True)
    first = asyncio.create_task(way.ask())
    await turns(3)
    second = asyncio.create_task(way.ask())
    await turns(3)
    first.cancel()

    assert await asyncio.wait_for(second, PATIENCE) == BODY
