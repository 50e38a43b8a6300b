"""Requests that are answered before their whole body has arrived.

A connection that is closed with unread bytes is reset, and the reset discards the response. Clients
that read only after they have sent everything would see a broken connection instead of the error.
Therefore the server's side is shut down, and the rest of the body is read and dropped for a while.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


def lingering(
    app: ASGIApp,
    cycle: RequestResponseCycle,
    *,
    end: Callable[[], None],
    linger: Callable[[], None],
) -> ASGIApp:
    """Drop the rest of a body where uvicorn would close the connection too early.

    Args:
        app: the application.
        cycle: the request and its response.
        end: called before the last part of the last response; nothing more is read then.
        linger: called after it, when a part of the body has not come yet.
    """

    async def lingered(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_to_end(message: Message) -> None:
            is_last = message["type"] == "http.response.body" and not message.get("more_body")
            if is_last and cycle.more_body and not cycle.keep_alive:
                cycle.keep_alive = True  # so that uvicorn leaves the connection open
                end()
            await send(message)
            if is_last and cycle.more_body:
                linger()

        await app(scope, receive, send_to_end)

    return lingered
