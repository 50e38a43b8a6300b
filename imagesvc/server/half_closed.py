"""Clients that send no more: some wait for their answer, others have gone.

Both look alike, as the end of what comes. An interim answer tells them apart, since the kernel of a
client that has gone refuses it. It is sent only where the answer takes long.
"""

from __future__ import annotations

import asyncio
import socket

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

PROBE = b"HTTP/1.1 100 Continue\r\n\r\n"
"""Clients of HTTP/1.1 pass over any number of interim answers (RFC 9110, section 15.2)."""
_STATE_BYTES = 1
"""The state is the first byte of struct tcp_info (tcp(7))."""
_CLOSE = 7


def may_wait(cycle: RequestResponseCycle) -> bool:
    """Whether a client that sends no more may wait for this answer.

    A stream without an end is read by clients that stay.
    """
    return not (cycle.response_started and cycle.chunked_encoding)


def has_gone(transport: asyncio.Transport, cycle: RequestResponseCycle) -> bool:
    """Whether the client has gone, as far as is known; asked again, it is known."""
    connection = transport.get_extra_info("socket")
    (state,) = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _STATE_BYTES)
    is_idle = not (cycle.response_started or transport.get_write_buffer_size())
    if is_idle and cycle.scope["http_version"] == "1.1":
        transport.write(PROBE)
    return bool(state == _CLOSE)
