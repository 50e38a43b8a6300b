"""Requests that are answered before their whole body has arrived.

A connection that is closed with unread bytes is reset, and the reset discards the response. Clients
that read only after they have sent everything would see a broken connection instead of the error.
Therefore the server's side is shut down, and the rest of the body is read and dropped for a while.
"""

from __future__ import annotations

from typing import Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


class Lingering(Protocol):
    """A connection that can be left open for the rest of a body."""

    def end(self) -> None:
        """Read no further requests: the current response is the last."""
        ...

    def linger(self) -> None:
        """Drop the rest of the body of a request that has been answered."""
        ...


def lingering(app: ASGIApp, cycle: RequestResponseCycle, connection: Lingering) -> ASGIApp:
    """The application; the rest of a body is dropped if uvicorn would close too early."""

    async def lingered(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_to_end(message: Message) -> None:
            is_last = message["type"] == "http.response.body" and not message.get("more_body")
            if is_last and cycle.more_body and not cycle.keep_alive:
                cycle.keep_alive = True  # so that uvicorn leaves the connection open
                connection.end()
            await send(message)
            if is_last and cycle.more_body:
                connection.linger()

        await app(scope, receive, send_to_end)

    return lingered
