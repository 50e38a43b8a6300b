"""One log line and one id for every request, and for every refused connection."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

import structlog
from pydantic_core import to_json
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imagesvc.errors import ImagesvcError
from imagesvc.logs import standard_error
from imagesvc.model.noted import NOTED, Noted
from imagesvc.server.metrics.requests import RequestFigures, method_label
from imagesvc.server.middleware.access_line import HIT, HIT_NOTES, access_line, encoded_notes
from imagesvc.server.middleware.logged_path import logged_path
from imagesvc.syntax.header_fields import FieldsByName, fields_by_name
from imagesvc.tracing.spans import Carrier, Kind, Span, span

log = structlog.get_logger()

_ACCEPTED_ID = re.compile(rb"[A-Za-z0-9._=+/-]{1,128}")
_BUFFERED_LINES = 64
_FLUSH_SECONDS = 0.2
_TRACE = (b"traceparent", b"tracestate")
_MAX_TRACE = 512
"""Bytes of a field of W3C Trace Context."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A connection that is ended before its request reaches the application."""

    reason: str
    """A member of `REASONS`."""
    error: ImagesvcError
    seconds: float
    """Since its head began."""
    client: tuple[str, int] | None


class AccessLog:
    """Counts requests, and writes their lines: immediately on a terminal, in batches as JSON.

    A line costs ten microseconds through the logger's processors, which is a third of the time for
    a response from memory.
    """

    def __init__(self, *, as_json: bool, enabled: bool, node: str = "") -> None:
        self._as_json = as_json
        self._enabled = enabled
        self._node = node
        self._node_note = b',"node":%b' % to_json(node)
        self._hit_notes = HIT_NOTES + self._node_note
        self._lines: list[bytes] = []
        self.figures = RequestFigures()
        self._prefix = os.urandom(4).hex().encode()
        self._numbers = itertools.count(1)

    def request_id(self, given: bytes | None) -> bytes:
        """The client's X-Request-ID if it is a plain word, otherwise a new one."""
        if given is not None and _ACCEPTED_ID.fullmatch(given):
            return given
        return b"%b-%x" % (self._prefix, next(self._numbers))

    def record_hit(
        self, scope: Scope, given_id: bytes | None, status: int, size: int, began: float
    ) -> bytes:
        """Count and log a response from memory; returns the request's id.

        Args:
            scope: the ASGI scope.
            given_id: the client's X-Request-ID.
            status: of the answer.
            size: bytes of the body.
            began: `time.perf_counter()` when the request arrived.
        """
        request_id = self.request_id(given_id)
        seconds = time.perf_counter() - began
        self.figures.hits[scope["method"]].note(status, seconds, size)
        if self._enabled:
            self._log(scope, request_id, status, size, seconds * 1000, HIT)
        return request_id

    def record(self, answered: Answered) -> None:
        """Count and log a request that the application has answered."""
        scope, noted = answered.scope, answered.noted
        seconds = time.perf_counter() - answered.began
        tally = self.figures.of(scope["method"], noted.route, noted.cache)
        tally.note(answered.status, seconds, answered.sent)
        tally.received_bytes += answered.received
        if self._enabled:
            self._log(
                scope,
                answered.request_id,
                answered.status,
                answered.sent,
                seconds * 1000,
                (noted, answered.received),
            )

    def _log(
        self,
        scope: Scope,
        request_id: bytes,
        status: int,
        size: int,
        ms: float,
        notes: tuple[Noted, int],
    ) -> None:
        client = scope.get("client")
        address = client[0] if client else None
        path = logged_path(scope["path"])
        if self._as_json:
            encoded = self._hit_notes if notes is HIT else encoded_notes(*notes) + self._node_note
            self._add(
                access_line(request_id, scope["method"], path, status, size, ms, address, encoded)
            )
            return
        noted, received = notes
        log.info(
            "request",
            action="request",
            request_id=request_id.decode("ascii"),
            method=scope["method"],
            path=path,
            status=int(status),  # a member of an enumeration is formatted differently
            bytes=size,
            ms=round(ms, 2),
            client=address,
            received=received,
            route=str(noted.route),
            cache=str(noted.cache),
            principal=None if noted.principal is None else str(noted.principal),
        )

    def refuse(self, refused: Refused) -> bytes:
        """Count and log a refused connection; returns the id for its answer."""
        self.figures.refused[refused.reason] += 1
        request_id = self.request_id(None)
        if self._enabled:
            line = {
                "action": "connection.refused",
                "request_id": request_id.decode("ascii"),
                "reason": refused.reason,
                "status": int(refused.error.status),
                "detail": refused.error.detail,
                "ms": round(refused.seconds * 1000, 2),
                "client": refused.client[0] if refused.client else None,
            }
            if self._as_json:
                now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
                more = {"event": "connection refused", "level": "info", "timestamp": now}
                more["node"] = self._node
                self._add(to_json(line | more) + b"\n")
            else:
                log.info("connection refused", **line)
        return request_id

    def _add(self, line: bytes) -> None:
        self._lines.append(line)
        if len(self._lines) >= _BUFFERED_LINES:
            self.flush()
        elif len(self._lines) == 1:
            asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self.flush)

    def flush(self) -> None:
        """Write the pending lines."""
        if self._lines:
            standard_error.write(b"".join(self._lines))
            self._lines.clear()


@dataclass(slots=True)
class Answered:
    """A request while the application answers it, and then its outcome."""

    scope: Scope
    request_id: bytes
    noted: Noted
    began: float
    """By `time.perf_counter()`."""
    status: int = 500
    sent: int = 0
    """Bytes of the response's body."""
    received: int = 0
    """Bytes of the request's body that were read."""


class AccessLogMiddleware:
    """Adds the request id to log lines and the response, and logs the request at its end."""

    def __init__(self, app: ASGIApp, access: AccessLog) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle the request, and record the response."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        fields = fields_by_name(scope["headers"])
        request_id = self._access.request_id(fields.get(b"x-request-id"))
        noted = scope[NOTED] = Noted()
        answered = Answered(scope, request_id, noted, began)

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered.status = message["status"]
                headers = [*message.get("headers", ()), (b"x-request-id", request_id)]
                message = {**message, "headers": headers}
            elif message["type"] == "http.response.body":
                answered.sent += len(message.get("body", b""))
            await send(message)

        async def measured() -> Message:
            message = await receive()
            answered.received += len(message.get("body", b""))
            return message

        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id.decode("ascii"))
        with span("request", Kind.SERVER, _carrier(fields)) as traced:
            noted.trace_id = traced.trace_id
            try:
                await self._app(scope, measured, watched)
            finally:
                if noted.trace_id is not None:
                    _describe(traced, answered)
                self._access.record(answered)


def _carrier(fields: FieldsByName) -> Carrier:
    """The context of a client's trace, unless it is too long to be one."""
    return [
        (name.decode(), value.decode("latin-1"))
        for name in _TRACE
        if (value := fields.get(name)) is not None and len(value) <= _MAX_TRACE
    ]


def _describe(traced: Span, answered: Answered) -> None:
    """Name the span of a request, by the conventions of OpenTelemetry and only by fixed texts."""
    method, noted = method_label(answered.scope["method"]), answered.noted
    traced.name(f"{method} {noted.template}".strip())
    traced.note(
        http__request__method=method,
        http__route=noted.template or None,
        http__response__status_code=int(answered.status),
        imagesvc__route=str(noted.route),
        imagesvc__cache=str(noted.cache),
    )
    if answered.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        traced.fail(str(int(answered.status)))
