"""Clients that send no more: some wait for their response, others have disconnected.

Both look alike, as the end of the input. An interim response distinguishes them, since the kernel
of a disconnected client refuses it. It is sent only if the response takes long.
"""

from __future__ import annotations

import asyncio
import socket

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

PROBE = b"HTTP/1.1 100 Continue\r\n\r\n"
"""HTTP/1.1 clients skip any number of interim responses (RFC 9110, section 15.2)."""
_STATE = (socket.IPPROTO_TCP, socket.TCP_INFO, 1)
"""The state is the first byte of struct tcp_info (tcp(7))."""
_CLOSE = 7


def may_wait(cycle: RequestResponseCycle) -> bool:
    """Whether a client that sends no more may wait for this response.

    An endless stream needs a client that stays connected.
    """
    return not (cycle.response_started and cycle.chunked_encoding)


def has_disconnected(transport: asyncio.Transport, cycle: RequestResponseCycle) -> bool:
    """Whether the client has disconnected, as far as known; a second call is certain."""
    connection = transport.get_extra_info("socket")
    is_unix = connection.family == socket.AF_UNIX  # there, a write to a closed peer fails
    state = 0 if is_unix else connection.getsockopt(*_STATE)[0]
    is_idle = not (cycle.response_started or transport.get_write_buffer_size())
    if is_idle and cycle.scope["http_version"] == "1.1":
        transport.write(PROBE)
    return bool(state == _CLOSE)
