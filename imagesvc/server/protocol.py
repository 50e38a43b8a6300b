"""HTTP/1.1 on a connection, with bounds on what a client may send and how slowly.

uvicorn bounds neither the size of a header nor the time it takes, and waits for ever for a client
that does not read. Here one look a second at every connection does what a timer for each request
would, so that the hot path pays for none. What the application can answer at once is written
without a task and its turns of the loop, which are half of what uvicorn needs for a request.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections import Counter
from typing import Any, ClassVar

import httptools
import structlog
from starlette.types import Scope
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from imagesvc.auth.rates.limits import network_of
from imagesvc.delivery.hot import Inline
from imagesvc.errors import (
    HeadersTooLarge,
    ImagesvcError,
    InvalidRequest,
    Overloaded,
    RequestTimeout,
    UriTooLong,
)
from imagesvc.server.bounds import Bounds
from imagesvc.server.connections import Watch
from imagesvc.server.half_closed import has_gone, may_wait
from imagesvc.server.lingering import lingering
from imagesvc.server.middleware.cors import OFF, Cors, written
from imagesvc.server.refusals import refusal
from imagesvc.server.request_heads import (
    check_head,
    check_query,
    declares_body,
    to_origin_form,
    without_offers,
)
from imagesvc.server.unsent import Unsent, in_pieces
from imagesvc.syntax.header_fields import joined_field

log = structlog.get_logger()

LINGER_SECONDS = 2.0
"""How long a refused client may go on sending: a reset would take the refusal with it."""
UNREAD_STEP = 16 << 10
"""Bytes that a client must read within `send_seconds` for its connection to live on."""

MOST_AT_ONCE = 16
"""Requests of one read that are answered without a task; a pipeline must not hold the loop."""

KERNEL_UNSENT_BYTES = 256 << 10
"""What the kernel keeps beyond what is on its way; by itself it takes megabytes."""
_BYTES_ACKED_END = 128  # in struct tcp_info, of Linux 4.1 and later


NOT_HTTP = "The request is not valid: this port speaks HTTP/1.1 without TLS."


class BoundedProtocol(HttpToolsProtocol):
    """One connection within bounds; `bounded` binds the class to those of a server."""

    bounds: ClassVar[Bounds]
    inline: ClassVar[staticmethod[[Scope], tuple[bytes, bytes] | None]]
    watch: ClassVar[Watch]
    unsent: ClassVar[Unsent]
    cors: ClassVar[Cors]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.address: str | None = None
        self._head_since: float | None = None  # when the header began that is not complete
        self._pending = 0  # bytes since the last header that was complete, or piece of a body
        self._read, self.unread_since = 0, 0.0
        self._refusal: ImagesvcError | None = None
        self._is_ending = False  # the last answer has been given, and what comes is dropped
        self._linger_until: float | None = None  # when the rest of an answered request must be here
        self._may_at_once = 0  # requests of this read
        self._running: RequestResponseCycle | None = None  # `cycle` is the newest that was parsed
        self._waiting: tuple[RequestResponseCycle, ASGI3Application] | None = None
        self._is_half_closed = False
        self._restated = b""  # the head of a request that offered an upgrade, without the offer

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin, unless there are too many connections."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # the kernel's own buffer is enough
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, KERNEL_UNSENT_BYTES)
        if self.client is not None and not self.bounds.is_proxy(self.client[0]):
            self.address = network_of(self.client[0])
        self._head_since = self.unread_since = self.loop.time()
        self.watch.add(self)
        if len(self.watch.connections) > self.bounds.connections:
            self.watch.refuse("max_connections", self.client)
            self._refuse(Overloaded("There are too many connections."))
        elif self.watch.per_address[self.address or ""] > self.bounds.connections_per_address:
            self.watch.refuse("max_connections_per_address", self.client)
            self._refuse(Overloaded("There are too many connections from this address."))

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is no more."""
        self.watch.remove(self)
        self._disconnect_running()
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn's closes at once
        """The client sends no more; whether it may wait for the answer to what it has sent."""
        if self._linger_until is not None or not self._is_busy() or self.cycle.more_body:
            return False
        if self._running is not None and not may_wait(self._running):
            return False
        self._last_cycle().keep_alive = False
        self._is_half_closed = True
        return True

    def _last_cycle(self) -> RequestResponseCycle:
        return self.pipeline[0][0] if self.pipeline else self.cycle

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Answer a request, once the client has read the answers before it."""
        self._running = cycle
        if self.flow.write_paused:
            self._waiting = (cycle, app)
        elif not self._answer_at_once(cycle):
            paced = in_pieces(app, self.unsent, self, lambda: cycle.disconnected)  # type: ignore[arg-type]
            if declares_body(cycle.scope["headers"]):
                paced = lingering(paced, cycle, self)
            super()._start_asgi_task(cycle, paced)  # type: ignore[arg-type]  # Starlette's types

    def resume_writing(self) -> None:
        """The client has read: go on."""
        super().resume_writing()
        if self._waiting is not None:
            (cycle, app), self._waiting = self._waiting, None
            self._may_at_once = 0  # the transport is in the middle of a write
            self._start_asgi_task(cycle, app)

    def _answer_at_once(self, cycle: RequestResponseCycle) -> bool:
        """Answer without a task; not in a pipeline, where each answer would begin the next."""
        self._may_at_once -= 1
        if self.pipeline or self.flow.write_paused or not cycle.keep_alive or self._may_at_once < 0:
            return False
        try:
            answer = self.inline(cycle.scope)  # type: ignore[arg-type]  # narrower, and only read
        except Exception:  # the parser would make a 400 of it
            log.exception("bug in an answer at once", action="hot.bug")
            return False
        if answer is None:
            return False
        head, body = answer
        fields = [b"%b: %b\r\n" % item for item in self.server_state.default_headers]
        self.transport.write(b"".join([head, *fields, b"\r\n", body]))
        cycle.response_started = cycle.response_complete = True
        self.on_response_complete()
        return True

    def end(self) -> None:
        """Read nothing more: the answer that is being given is the last."""
        self._is_ending = True

    def linger(self) -> None:
        """Drop the rest of the body of a request that has been answered."""
        self._linger_until = self.loop.time() + self.bounds.send_seconds
        if self._is_ending and not self.transport.is_closing():
            self._unset_keepalive_if_required()
            self.transport.write_eof()

    def _disconnect_running(self) -> None:
        """Tell the request that is being answered; uvicorn tells the last of a pipeline alone."""
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()

    def cut_off(self) -> None:
        """End the connection now, and let go of what it sends."""
        self._disconnect_running()
        self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take the next bytes of a request."""
        if self._refusal is not None or self._is_ending:
            return
        self._pending += len(data)
        self._may_at_once = MOST_AT_ONCE
        self._unset_keepalive_if_required()
        try:
            self._parse(data)
        except httptools.HttpParserError:  # of the parser, or of `_stop_parsing`
            self._refuse(self._refusal or InvalidRequest(NOT_HTTP))
        if self._pending > self.bounds.header_bytes and self._refusal is None:
            self._refuse(self._headers_too_large())  # a field or a trailer without an end
        elif self._head_since is self._linger_until is None and (
            self._pending or self._is_untimed()
        ):
            # A header begins, or bytes that begin none: uvicorn has stopped its timer for them.
            self._head_since = self.loop.time()

    def _parse(self, data: bytes) -> None:
        """Parse the next bytes, and ignore every offer to upgrade.

        The parser ends a request that offers an upgrade after its head, whatever body it declares,
        and would take that body for the next request. So the head is parsed once more without the
        offer, by a new parser that frames the body as declared.
        """
        rest = memoryview(data)
        while True:
            try:
                self.parser.feed_data(rest)
            except httptools.HttpParserUpgrade as upgrade:
                rest = rest[upgrade.args[0] :]
            else:
                return
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            self.parser.feed_data(self._restated)

    def on_headers_complete(self) -> None:
        """The header is there: check it before anything is done for it."""
        self._head_since = None
        if len(self.headers) > self.bounds.header_count:
            self._stop_parsing(self._headers_too_large())
        if len(self.url) > self.bounds.url_bytes:
            limit = self.bounds.url_bytes
            self._stop_parsing(UriTooLong(f"The URL is longer than {limit:,} bytes."))
        if self._pending > self.bounds.header_bytes:
            fields = sum(len(name) + len(value) + 4 for name, value in self.headers)
            if len(self.url) + fields > self.bounds.header_bytes:
                self._stop_parsing(self._headers_too_large())
        self._pending = 0
        method, version = self.parser.get_method(), self.parser.get_http_version()
        try:
            check_head(method, version, self.headers)
            check_query(self.url)
            if self.parser.should_upgrade():
                self._restated = without_offers(method, self.url, version, self.headers)
                return
            self.url = to_origin_form(self.url, self.headers)
        except InvalidRequest as error:
            self._stop_parsing(error)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The request is complete, unless it is to be parsed again without its upgrade."""
        if not self.parser.should_upgrade():
            self._linger_until = None
            super().on_message_complete()

    def on_body(self, body: bytes) -> None:
        """The next piece of a body is there."""
        self._pending = 0
        super().on_body(body)

    def look_after(self, now: float) -> None:
        """End the connection if its client is too slow."""
        is_sent = not self.transport.get_write_buffer_size()
        if self._linger_until is not None and now >= self._linger_until and is_sent:
            self.cut_off()
        elif self._head_since is not None and self._is_busy():
            self._head_since = now  # the header of the next request, which waits anyway
        elif self._head_since is not None and now - self._head_since > self.bounds.header_seconds:
            self._head_since = None
            if self._pending:
                self._refuse(RequestTimeout("The header did not come in time."))
            else:
                self.transport.close()
        if self._is_half_closed and self._running and has_gone(self.transport, self._running):
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
        """What the client has taken of all answers, as its kernel acknowledged (tcp(7))."""
        connection = self.transport.get_extra_info("socket")
        info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED_END)
        return int.from_bytes(info[_BYTES_ACKED_END - 8 :], sys.byteorder)

    def _is_untimed(self) -> bool:
        is_answered = self.cycle is not None and self.cycle.response_complete
        return is_answered and self.timeout_keep_alive_task is None

    def _is_busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _headers_too_large(self) -> HeadersTooLarge:
        return HeadersTooLarge(
            f"The header is larger than {self.bounds.header_bytes:,} bytes, "
            f"or has more than {self.bounds.header_count} fields."
        )

    def _stop_parsing(self, error: ImagesvcError) -> None:
        """Have `data_received` refuse the request, which is where the parser's errors end."""
        self._refusal = error
        raise error

    def _refuse(self, error: ImagesvcError) -> None:
        """Answer with an error, and end the connection."""
        self._refusal = error
        self._unset_keepalive_if_required()
        if self.transport.is_closing():
            return
        if self._is_busy():
            if self.cycle.response_started or not self.cycle.more_body:
                self._last_cycle().keep_alive = (
                    False  # what came before is answered, and then it ends
                )
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        # Of a request that nothing is known of, a page may read the refusal if every page may.
        origin = joined_field(self.headers or (), b"origin")
        fields = written(self.cors.fields(origin, is_delivery=True))
        self.transport.write(refusal(error, fields))
        if len(self.watch.connections) > self.bounds.connections + self.bounds.lingering:
            self.transport.close()
            return
        self.transport.write_eof()
        self.flow.resume_reading()
        self._linger_until = self.loop.time() + LINGER_SECONDS


def bounded(
    bounds: Bounds, inline: Inline, cors: Cors = OFF, refused: Counter[str] | None = None
) -> type[BoundedProtocol]:
    """The protocol for `uvicorn.Config(http=…)`."""
    attributes = {
        "bounds": bounds,
        "inline": staticmethod(inline),
        "watch": Watch(refused=Counter() if refused is None else refused),
        "unsent": Unsent(bounds.unsent_bytes),
        "cors": cors,
    }
    return type("BoundedProtocol", (BoundedProtocol,), attributes)
