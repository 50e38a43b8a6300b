"""Bodies that clients have not read yet, with one limit for all connections of a server."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger()

PIECE = 64 << 10
"""Bytes of a body that are written at once; the next piece waits until the client has read."""


class Holder(Protocol):
    """A connection that holds a body until its client has read it."""

    unread_since: float
    """The time at which its client last read."""

    def cut_off(self) -> None:
        """End the connection now, and free its unsent data."""
        ...


@dataclass(slots=True)
class Unsent:
    """The unread bodies of connections; a body of several connections counts once."""

    limit: int
    total: int = 0
    _bodies: dict[Holder, bytes] = field(default_factory=dict)
    _holders: Counter[int] = field(default_factory=Counter)

    def hold(self, holder: Holder, body: bytes) -> None:
        """Count a body; beyond the limit, close the connections that have not read for longest."""
        self._bodies[holder] = body
        self._holders[id(body)] += 1
        if self._holders[id(body)] == 1:
            self.total += len(body)
        while self.total > self.limit and len(self._bodies) > 1:
            slowest = min(
                (other for other in self._bodies if other is not holder),
                key=lambda other: other.unread_since,
            )
            self.release(slowest)
            slowest.cut_off()
            log.warning("answers wait for too many clients", action="connection.cut_off")

    def release(self, holder: Holder) -> None:
        """Remove the body of a connection; nothing, if it was closed by the limit."""
        body = self._bodies.pop(holder, None)
        if body is None:
            return
        self._holders[id(body)] -= 1
        if not self._holders[id(body)]:
            del self._holders[id(body)]
            self.total -= len(body)


def in_pieces(app: ASGIApp, unsent: Unsent, holder: Holder, is_gone: Callable[[], bool]) -> ASGIApp:
    """The application, with large bodies sent in pieces, and counted meanwhile.

    The transport copies nothing and keeps each buffer as a whole, so it gets separate pieces, which
    are freed as soon as the client has read them.
    """

    async def paced(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_pieces(message: Message) -> None:
            body = message.get("body", b"")
            if len(body) <= PIECE:
                await send(message)
                return
            unsent.hold(holder, body)
            try:
                for start in range(0, len(body), PIECE):
                    if is_gone():
                        return
                    piece = body[start : start + PIECE]
                    more = start + PIECE < len(body) or message.get("more_body", False)
                    await send({**message, "body": piece, "more_body": more})
                    await asyncio.sleep(0)  # a client that reads quickly must not delay others
            finally:
                unsent.release(holder)

        await app(scope, receive, send_pieces)

    return paced
