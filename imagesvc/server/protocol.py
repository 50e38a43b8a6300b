"""HTTP/1.1 on a connection, with limits on the size and the speed of requests.

uvicorn bounds neither the size of a header nor the time it takes. Here one look a second at every
connection does what a timer for each request would, so that the hot path pays for none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

import httptools

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
from imagesvc.server.answers import MAX_INLINE, AnsweringProtocol, DefaultFields
from imagesvc.server.bounds import Bounds
from imagesvc.server.connections import Watch
from imagesvc.server.middleware.access import AccessLog, Refused
from imagesvc.server.middleware.cors import OFF, Cors, written
from imagesvc.server.refusals import refusal
from imagesvc.server.request_heads import check_head, check_query, to_origin_form, without_offers
from imagesvc.server.unsent import Unsent
from imagesvc.syntax.header_fields import fields_by_name, joined_field

LINGER_SECONDS = 2.0
"""How long a refused client may continue sending: a reset would discard the refusal."""
TLS_RECORD = b"\x16\x03"
"""How a handshake of TLS begins (RFC 8446, section 5.1)."""
REASON_OF: Mapping[type[ImagesvcError], str] = {
    UriTooLong: "uri_too_long",
    HeadersTooLarge: "headers_too_large",
    RequestTimeout: "header_timeout",
}
"""The reason of a refusal, in the log and the metrics; all others are malformed."""
FIRST_REQUEST_SECONDS = 1.0
"""How long the first request of a new connection may take to begin while the server stops."""
NOT_HTTP = "The request is not valid: this port speaks HTTP/1.1 without TLS."


class BoundedProtocol(AnsweringProtocol):
    """One connection with limits; `bounded` binds the class to those of a server."""

    watch: ClassVar[Watch]
    cors: ClassVar[Cors]
    access: ClassVar[AccessLog]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.address: str | None = None
        self._head_since: float | None = None  # when the incomplete header began
        self._pending = 0  # bytes since the last complete header, or piece of a body
        self._refusal: ImagesvcError | None = None
        self._has_begun = False  # whether a request has arrived
        self._is_stopping = False
        self._restated = b""  # the head of a request that offered an upgrade, without the offer

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept the connection, unless there are too many."""
        super().connection_made(transport)
        if self.client is not None and not self.bounds.is_proxy(self.client[0]):
            self.address = network_of(self.client[0])
        self._head_since = self.unread_since
        self.watch.add(self.check_speed, self.address, self.loop)
        if len(self.watch.connections) > self.bounds.connections:
            self._refuse_for("max_connections", "There are too many connections.")
        elif self.watch.per_address[self.address or ""] > self.bounds.connections_per_address:
            self._refuse_for(
                "max_connections_per_address", "There are too many connections from this address."
            )

    def shutdown(self) -> None:
        """The server stops: answer what has arrived, and close.

        The first request of a new connection may be on its way. Its client would take a reset for
        a failure, while clients expect that a connection may be closed between requests.
        """
        if self._has_begun or self._refusal is not None:
            super().shutdown()
            return
        self._is_stopping = True
        self._head_since = self.loop.time() - self.bounds.header_seconds + FIRST_REQUEST_SECONDS

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""
        self.watch.remove(self.check_speed)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Process the next bytes of a request."""
        if self._refusal is not None or self._is_ending:
            return
        self._pending += len(data)
        self._inline_budget = MAX_INLINE
        self._unset_keepalive_if_required()
        try:
            self._parse(data)
        except httptools.HttpParserError:  # of the parser, or of `_stop_parsing`
            reason = "tls" if data.startswith(TLS_RECORD) else None
            self._refuse(self._refusal or InvalidRequest(NOT_HTTP), reason)
        if self._pending > self.bounds.header_bytes and self._refusal is None:
            self._refuse(self._headers_too_large())  # an endless field or trailer
        elif self._head_since is self._linger_until is None and (
            self._pending or self._is_untimed()
        ):
            # A header begins, or invalid bytes: uvicorn has stopped its timer for them.
            self._head_since = self.loop.time()

    def _parse(self, data: bytes | memoryview) -> None:
        """Parse the next bytes, and ignore every offer to upgrade.

        The parser ends a request that offers an upgrade after its head, regardless of its declared
        body, and would read the body as the next request. Therefore the head is parsed again
        without the offer, by a new parser that frames the body as declared.
        """
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = memoryview(data)[upgrade.args[0] :]
            else:
                return
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            self.parser.feed_data(self._restated)

    def on_headers_complete(self) -> None:
        """The header is complete: check it before it is processed."""
        self._head_since = self._idle_since = None
        self._has_begun = True
        self._check_sizes()
        self._pending = 0
        method, version = self.parser.get_method(), self.parser.get_http_version()
        fields = fields_by_name(self.headers)
        try:
            check_head(method, version, self.headers, fields)
            check_query(self.url)
            if self.parser.should_upgrade():
                self._restated = without_offers(method, self.url, version, self.headers)
                return
            if not self.url.startswith(b"/"):
                self.url = to_origin_form(self.url, self.headers)
                fields = fields_by_name(self.headers)
        except InvalidRequest as error:
            self._stop_parsing(error)
        may_be_inline = method == b"GET" and version == "1.1" and not self._is_stopping
        if not (may_be_inline and self._answer_inline(fields)):
            super().on_headers_complete()
            if self._is_stopping:
                self._last_cycle().keep_alive = False

    def _check_sizes(self) -> None:
        """Refuse a header that is too large, or has a URL that is too long."""
        bounds = self.bounds
        if len(self.headers) > bounds.header_count:
            self._stop_parsing(self._headers_too_large())
        if len(self.url) > bounds.url_bytes:
            self._stop_parsing(UriTooLong(f"The URL is longer than {bounds.url_bytes:,} bytes."))
        if self._pending > bounds.header_bytes:
            size = sum(len(name) + len(value) + 4 for name, value in self.headers)
            if len(self.url) + size > bounds.header_bytes:
                self._stop_parsing(self._headers_too_large())

    def on_message_complete(self) -> None:
        """The request is complete, unless it must be parsed again without its upgrade."""
        is_inline = self._idle_since is not None
        if not is_inline and not self.parser.should_upgrade():
            self._linger_until = None
            super().on_message_complete()

    def on_body(self, body: bytes) -> None:
        """The next piece of a body has arrived."""
        self._pending = 0
        super().on_body(body)

    def check_speed(self, now: float) -> None:
        """End the connection if its client is too slow."""
        is_sent = not self.transport.get_write_buffer_size()
        if self._linger_until is not None and now >= self._linger_until and is_sent:
            self.cut_off()
        elif self._head_since is not None and self._is_busy():
            self._head_since = now  # the header of the next request, which has to wait
        elif self._head_since is not None and now - self._head_since > self.bounds.header_seconds:
            self._head_since = None
            if self._pending:
                self._refuse(RequestTimeout("The header did not arrive in time."))
            else:
                self.transport.close()
        elif self._head_since is None and self._is_idle_too_long(now):
            self.transport.close()
        self._cut_off_if_unread(now, is_sent=is_sent)

    def _is_untimed(self) -> bool:
        if self._idle_since is not None or self.timeout_keep_alive_task is not None:
            return False
        return self.cycle is not None and self.cycle.response_complete

    def _headers_too_large(self) -> HeadersTooLarge:
        return HeadersTooLarge(
            f"The header is larger than {self.bounds.header_bytes:,} bytes, "
            f"or has more than {self.bounds.header_count} fields."
        )

    def _stop_parsing(self, error: ImagesvcError) -> None:
        """Make `data_received` refuse the request, which handles the parser's errors."""
        self._refusal = error
        raise error

    def _refuse_for(self, limit: str, detail: str) -> None:
        """Refuse the connection because of a limit on connections."""
        self.watch.refuse(limit, self.client)
        self._refuse(Overloaded(detail), limit)

    def _refuse(self, error: ImagesvcError, reason: str | None = None) -> None:
        """Send an error, and close the connection."""
        self._refusal = error
        self._unset_keepalive_if_required()
        if self.transport.is_closing():
            return
        request_id = self._record_refusal(error, reason or REASON_OF.get(type(error), "malformed"))
        if self._is_busy():
            if self.cycle.response_started or not self.cycle.more_body:
                self._last_cycle().keep_alive = False  # earlier requests are answered
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        # A page may read the refusal of an unknown request if every page may read responses.
        origin = joined_field(self.headers or (), b"origin")
        fields = written(self.cors.fields(origin, is_delivery=True))
        self.transport.write(refusal(error, b"x-request-id: %b\r\n%b" % (request_id, fields)))
        if len(self.watch.connections) > self.bounds.connections + self.bounds.lingering:
            self.transport.close()
            return
        self.transport.write_eof()
        self.flow.resume_reading()
        self._linger_until = self.loop.time() + LINGER_SECONDS

    def _record_refusal(self, error: ImagesvcError, reason: str) -> bytes:
        now = self.loop.time()
        seconds = now - (now if self._head_since is None else self._head_since)
        return self.access.refuse(Refused(reason, error, seconds, self.client))


def bounded(
    bounds: Bounds, inline: Inline, cors: Cors = OFF, access: AccessLog | None = None
) -> type[BoundedProtocol]:
    """The protocol for `uvicorn.Config(http=…)`; without a log, refused connections have none."""
    attributes = {
        "bounds": bounds,
        "inline": staticmethod(inline),
        "watch": Watch(),
        "access": access or AccessLog(as_json=True, enabled=False),
        "unsent": Unsent(bounds.unsent_bytes),
        "default_fields": DefaultFields(),
        "cors": cors,
    }
    return type("BoundedProtocol", (BoundedProtocol,), attributes)
