"""The answers on a connection: one after another, no faster than their client reads.

What the application can answer at once is written without a task and its turns of the loop, which
are half of what uvicorn needs for a request. uvicorn waits without end for a client that does not
read; here such a client is cut off.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from typing import Any, ClassVar

import structlog
from starlette.types import Scope
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from imagesvc.server.bounds import Bounds
from imagesvc.server.half_closed import has_disconnected, may_wait
from imagesvc.server.lingering import lingering
from imagesvc.server.request_heads import declares_body
from imagesvc.server.unsent import Unsent, in_pieces
from imagesvc.syntax.header_fields import FieldsByName

log = structlog.get_logger()

UNREAD_STEP = 16 << 10
"""Bytes that a client must read within `send_seconds` to keep its connection."""
MAX_INLINE = 16
"""Requests of one read that are answered without a task; a pipeline must not block the loop."""
HELD_BYTES = 4 << 10
"""What the transport holds to the end of the loop's turn: a head, or a small response."""
KERNEL_UNSENT_BYTES = 256 << 10
"""The kernel's buffer beyond the data in flight; its default is megabytes."""
_BYTES_ACKED_END = 128  # in struct tcp_info, of Linux 4.1 and later


class DefaultFields:
    """The fields that uvicorn adds to all responses; it makes a new list each second, for Date."""

    def __init__(self) -> None:
        self._fields: list[tuple[bytes, bytes]] | None = None
        self._encoded = b""

    def encoded(self, fields: list[tuple[bytes, bytes]]) -> bytes:
        """The fields as lines, encoded once for each list."""
        if fields is not self._fields:
            self._fields = fields
            self._encoded = b"".join(b"%b: %b\r\n" % field for field in fields)
        return self._encoded


class AnsweringProtocol(HttpToolsProtocol):
    """One connection, as far as its answers are concerned."""

    bounds: ClassVar[Bounds]
    inline: ClassVar[staticmethod[[Scope, FieldsByName], tuple[bytes, bytes] | None]]
    default_fields: ClassVar[DefaultFields]
    unsent: ClassVar[Unsent]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._read, self.unread_since = 0, 0.0
        self._is_ending = False  # the last response has been sent, and further input is dropped
        self._linger_until: float | None = None  # when the rest of a request must have arrived
        self._inline_budget = 0  # requests of this read
        self._idle_since: float | None = None  # when the last inline response was sent
        self._running: RequestResponseCycle | None = None  # `cycle` is the newest that was parsed
        self._waiting: tuple[RequestResponseCycle, ASGI3Application] | None = None
        self._is_half_closed = False
        self._is_unix = False
        self._buffered = 0  # bytes that wait, at the last look; for a Unix socket

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, with small buffers."""
        super().connection_made(transport)
        # The kernel's own buffer is enough; a head waits for its body, and both are one write.
        transport.set_write_buffer_limits(high=HELD_BYTES, low=0)
        connection = transport.get_extra_info("socket")
        self._is_unix = connection.family == socket.AF_UNIX
        if not self._is_unix:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, KERNEL_UNSENT_BYTES)
        self.unread_since = self.loop.time()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        self._disconnect_running()
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn's closes at once
        """The client sends no more; returns whether it may wait for its response."""
        if self._linger_until is not None or not self._is_busy() or self.cycle.more_body:
            return False
        if self._running is not None and not may_wait(self._running):
            return False
        self._last_cycle().keep_alive = False
        self._is_half_closed = True
        return True

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Answer a request after the client has read the responses before it."""
        self._running = cycle
        if self.flow.write_paused:
            self._waiting = (cycle, app)
        else:
            paced = in_pieces(app, self.unsent, self, lambda: cycle.disconnected)  # type: ignore[arg-type]
            if declares_body(dict(cycle.scope["headers"])):
                paced = lingering(paced, cycle, end=self.end, linger=self.linger)
            super()._start_asgi_task(cycle, paced)  # type: ignore[arg-type]  # Starlette's types

    def resume_writing(self) -> None:
        """The client has read: continue."""
        super().resume_writing()
        if self._waiting is not None:
            (cycle, app), self._waiting = self._waiting, None
            self._start_asgi_task(cycle, app)

    def _answer_inline(self, fields: FieldsByName) -> bool:
        """Answer a GET without a task, before uvicorn prepares one, if memory has the response.

        Not while another response is sent: in a pipeline, each would start the next.
        """
        self._inline_budget -= 1
        if (
            self._inline_budget < 0
            or self._is_busy()
            or self.flow.write_paused
            or declares_body(fields)
            or not self.parser.should_keep_alive()
        ):
            return False
        path, _, query = self.url.partition(b"?")
        if b"%" in path or b"#" in self.url:
            return False
        scope: Scope = self.scope  # type: ignore[assignment]  # narrower, and only read
        scope["method"], scope["path"] = "GET", path.decode("ascii")
        scope["query_string"] = query
        try:
            answer = self.inline(scope, fields)
        except Exception:  # the parser would turn it into a 400
            log.exception("bug in an inline response", action="hot.bug")
            return False
        if answer is None:
            return False
        head, body = answer
        default = self.default_fields.encoded(self.server_state.default_headers)
        lines = b"%b%b\r\n" % (head, default)
        if body:
            self.transport.writelines((lines, body))  # without a copy of the body
        else:
            self.transport.write(lines)
        self.server_state.total_requests += 1
        self._idle_since = self.loop.time()
        return True

    def end(self) -> None:
        """Read no further requests: the current response is the last."""
        self._is_ending = True

    def linger(self) -> None:
        """Drop the rest of the body of a request that has been answered."""
        self._linger_until = self.loop.time() + self.bounds.send_seconds
        if self._is_ending and not self.transport.is_closing():
            self._unset_keepalive_if_required()
            self.transport.write_eof()

    def cut_off(self) -> None:
        """End the connection now, and free its unsent data."""
        self._disconnect_running()
        self.transport.abort()

    def _cut_off_if_unread(self, now: float, *, is_sent: bool) -> None:
        """End the connection if its client has gone, or does not read."""
        if (
            self._is_half_closed
            and self._running
            and has_disconnected(self.transport, self._running)
        ):
            self.cut_off()
        if is_sent:
            self.unread_since = now
            return
        read = self._read_bytes()
        if read - self._read >= UNREAD_STEP:
            self._read, self.unread_since = read, now
        elif now - self.unread_since > self.bounds.send_seconds:
            self.cut_off()

    def _read_bytes(self) -> int:
        """The bytes of responses that the client's kernel has acknowledged (tcp(7)).

        A Unix socket does not count them: while the buffer changes, the client reads.
        """
        if self._is_unix:
            buffered, self._buffered = self._buffered, self.transport.get_write_buffer_size()
            return self._read + (0 if buffered == self._buffered else UNREAD_STEP)
        connection = self.transport.get_extra_info("socket")
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED_END)
        return int.from_bytes(info[_BYTES_ACKED_END - 8 :], sys.byteorder)

    def _disconnect_running(self) -> None:
        """Notify the current request; uvicorn notifies only the last of a pipeline."""
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()

    def _last_cycle(self) -> RequestResponseCycle:
        return self.pipeline[0][0] if self.pipeline else self.cycle

    def _is_idle_too_long(self, now: float) -> bool:
        """Whether the last response was inline, and no request has come for too long."""
        return self._idle_since is not None and now - self._idle_since > self.timeout_keep_alive

    def _is_busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete
