"""Events as a stream: server-sent events that a client can resume (WHATWG HTML, 9.2)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, ClassVar

from anyio import move_on_after
from pydantic import BeforeValidator, Field, WithJsonSchema
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from imagesvc.auth.authenticator import Authenticator
from imagesvc.auth.principals import Scope as AuthScope
from imagesvc.errors import ImagesvcError, Overloaded
from imagesvc.http.bodies.declared import Raw
from imagesvc.http.calls import Call, Header
from imagesvc.http.models import Query
from imagesvc.http.operations import operation
from imagesvc.model.ids import UserId
from imagesvc.model.images import Viewer
from imagesvc.store.db.database import Database
from imagesvc.store.events import Event, EventStore, EventType, rebased

EVENT_STREAM = "text/event-stream"
MAX_STREAMS = 100
MAX_STREAMS_OF_ONE = 20
"""Streams of one user, so that no user occupies all of them."""
BATCH = 100
HEARTBEAT_SECONDS = 15.0
"""Also the maximum time that a stream without events stays open after its credential has ended."""
POLL_SECONDS = 1.0
"""The maximum delay until a change by another process is noticed."""
PAUSE_SECONDS = 0.05
"""The minimum time between two queries for events: many commits are one wake-up."""
SEND_SECONDS = 30.0
"""A client that reads nothing for so long is disconnected."""
MAX_ID = 2**63 - 1


def _event_id(text: object) -> object:
    if not isinstance(text, str):
        return text
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_ID))):
        raise ValueError("must be the id of an event")
    return int(text)


def _event_id_of_header(text: str) -> int:
    event_id = int(str(_event_id(text)))
    if event_id > MAX_ID:
        raise ValueError("must be the id of an event")
    return event_id


LAST_EVENT_ID = Header("Last-Event-ID", "Continue after this event.", _event_id_of_header)


def _types(text: object) -> object:
    if not isinstance(text, str):
        return text
    known = {str(kind) for kind in EventType}
    names = text.split(",")
    if not known.issuperset(names):
        raise ValueError(f"must be some of {', '.join(EventType)}, separated by commas")
    return tuple(EventType(name) for name in names)


Types = Annotated[
    tuple[EventType, ...], BeforeValidator(_types), WithJsonSchema({"type": "string"})
]


class EventQuery(Query):
    """The types of events to send, and the event to continue after."""

    LISTS: ClassVar[frozenset[str]] = frozenset({"types"})

    last_event_id: Annotated[int, Field(ge=0, le=MAX_ID), BeforeValidator(_event_id)] | None = None
    """Continue after this event; the header Last-Event-ID does the same, and has precedence."""
    types: Types | None = None
    """Only these types, separated by commas, or given several times."""


@dataclass(slots=True)
class EventEndpoints:
    """The stream of events; the fields are its dependencies."""

    events: EventStore
    database: Database
    authenticator: Authenticator
    is_stopping: Callable[[], bool]
    open_streams: Counter[UserId | None] = field(default_factory=Counter, init=False)
    """Streams by user; None is the user if there are no accounts."""

    @operation(
        "stream_events", "GET", "/api/v1/events", tag="events", scope=AuthScope.READ,
        query=EventQuery, headers=(LAST_EVENT_ID,), answers={200: Raw((EVENT_STREAM,), {})},
        errors=(Overloaded,), is_change=True,
    )  # fmt: skip
    async def stream(self, call: Call[EventQuery, None]) -> Response:
        """Changes of the requester's images and jobs, as server-sent events, until one side ends.

        Without an id to continue after, it begins with the next event.

        Raises:
            InvalidRequest: a parameter or Last-Event-ID is invalid.
            Overloaded: the maximum number of streams is open, in all or for one user.
        """
        query, principal = call.query, call.requester
        last = call.header(LAST_EVENT_ID)
        if last is None:
            last = query.last_event_id
        self._check_room(principal.user_id)
        oldest, newest = await self.events.bounds()
        begin = ""
        if last is None:
            last = newest
        elif last > newest or last + 1 < oldest:
            # The missed events are unknown: the client has to read the lists again.
            last = newest if last > newest else oldest - 1
            begin = f"id: {last}\nevent: reset\ndata: {{}}\n\n"
        begin += f"retry: 1000\nid: {last}\n\n"  # no event, but an id to continue after
        pieces = self._pieces(call, begin, last, principal.viewer, query.types or ())
        return EventStream(pieces, partial(self._count, principal.user_id))

    def _check_room(self, user_id: UserId | None) -> None:
        """Check that another stream may be opened.

        Raises:
            Overloaded: the maximum number is open, in all or for this user.
        """
        if self.open_streams.total() >= MAX_STREAMS:
            raise Overloaded("The maximum number of event streams is open.")
        if user_id is not None and self.open_streams[user_id] >= MAX_STREAMS_OF_ONE:
            raise Overloaded("You have opened the maximum number of event streams of one user.")

    def _count(self, user_id: UserId | None, by: int) -> None:
        self.open_streams[user_id] += by
        if not self.open_streams[user_id]:
            del self.open_streams[user_id]

    async def _pieces(
        self,
        call: Call[EventQuery, None],
        begin: str,
        last: int,
        viewer: Viewer,
        types: tuple[EventType, ...],
    ) -> AsyncGenerator[str, None]:
        yield begin
        with self.database.subscribe() as wake:
            quiet_since = checked_at = time.monotonic()
            while not self.is_stopping():
                wake.clear()  # before the query: a later commit sets it again
                found, last = await self.events.after(last, viewer, types, limit=BATCH)
                if found or time.monotonic() - checked_at >= HEARTBEAT_SECONDS:
                    checked_at = time.monotonic()
                    if not await self._is_still_authorized(call.request, viewer):
                        return
                if found:
                    yield "".join(_text(event, call.base) for event in found)
                    quiet_since = time.monotonic()
                if time.monotonic() - quiet_since >= HEARTBEAT_SECONDS:
                    quiet_since = time.monotonic()
                    yield ": still here\n\n"
                if len(found) < BATCH:
                    await asyncio.sleep(PAUSE_SECONDS)
                    with move_on_after(POLL_SECONDS):
                        await wake.wait()

    async def _is_still_authorized(self, request: Request, viewer: Viewer) -> bool:
        """Whether the credential that opened the stream is still valid."""
        try:
            principal = await self.authenticator.authenticate_again(request)
            principal.check(AuthScope.READ)
        except ImagesvcError:
            return False
        return principal.viewer == viewer


def _text(event: Event, base: str) -> str:
    data = {
        "id": str(event.id),
        "type": event.type,
        "timestamp": event.created_at.isoformat(),
        "data": rebased(event.data, base),
    }
    return f"id: {event.id}\nevent: {event.type}\ndata: {json.dumps(data)}\n\n"


class EventStream(Response):
    """A response that continues until its pieces end or its client disconnects or stalls."""

    media_type = EVENT_STREAM

    def __init__(self, pieces: AsyncGenerator[str, None], count: Callable[[int], None]) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._pieces = pieces
        self._count = count

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the pieces as they arrive."""
        self._count(1)
        try:
            await self._answer(scope, receive, send)
        finally:
            self._count(-1)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        if scope["method"] == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return
        sending = asyncio.create_task(self._send_all(send))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)
        if not sending.cancelled() and (error := sending.exception()) is not None:
            raise error

    async def _send_all(self, send: Callable[[Message], Awaitable[None]]) -> None:
        async with contextlib.aclosing(self._pieces) as pieces:
            async for piece in pieces:
                body = piece.encode()
                async with asyncio.timeout(SEND_SECONDS):
                    await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
