"""Bodies that clients have not read yet, within one bound for all connections of a server."""

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
"""Bytes of a body that are written at a time; the next piece waits until the client has read."""


class Holder(Protocol):
    """A connection that holds a body until its client has read it."""

    unread_since: float
    """When its client last read something."""

    def cut_off(self) -> None:
        """End the connection now, and let go of what it sends."""
        ...


@dataclass(slots=True)
class Unsent:
    """The bodies that connections hold; one that several hold is in memory once and counts once."""

    limit: int
    total: int = 0
    _bodies: dict[Holder, bytes] = field(default_factory=dict)
    _holders: Counter[int] = field(default_factory=Counter)

    def hold(self, holder: Holder, body: bytes) -> None:
        """Count a body; where that is too much, cut off those who have read nothing for longest."""
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
        """Forget what a connection held; nothing, if it was cut off."""
        body = self._bodies.pop(holder, None)
        if body is None:
            return
        self._holders[id(body)] -= 1
        if not self._holders[id(body)]:
            del self._holders[id(body)]
            self.total -= len(body)


def in_pieces(app: ASGIApp, unsent: Unsent, holder: Holder, is_gone: Callable[[], bool]) -> ASGIApp:
    """The application, with large bodies sent in pieces, and counted meanwhile.

    The transport copies nothing and keeps what it is given as a whole, so it is given pieces of
    their own, which are free again as soon as the client has read them.
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
                    await asyncio.sleep(0)  # a client that reads quickly must not hold up others
            finally:
                unsent.release(holder)

        await app(scope, receive, send_pieces)

    return paced
