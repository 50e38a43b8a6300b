"""Spans by OpenTelemetry, sent by OTLP over HTTP. The extra `otel` has what this module imports.

The standard variables `OTEL_*` say where to, how many, and under which name.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from importlib.metadata import version

import structlog
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from imagesvc.tracing.spans import Carrier, Kind, Span, Value

_KINDS = {
    Kind.INTERNAL: trace.SpanKind.INTERNAL,
    Kind.SERVER: trace.SpanKind.SERVER,
    Kind.CLIENT: trace.SpanKind.CLIENT,
}
_UNNAMED = "unknown_service"
_PROPAGATOR = TraceContextTextMapPropagator()


class _Recorded:
    """A span of OpenTelemetry."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def trace_id(self) -> str | None:
        return trace.format_trace_id(self._span.get_span_context().trace_id)

    def name(self, name: str) -> None:
        self._span.update_name(name)

    def note(self, **attributes: Value | None) -> None:
        for name, value in attributes.items():
            if value is not None:
                self._span.set_attribute(name.replace("__", "."), value)

    def fail(self, code: str) -> None:
        self._span.set_status(trace.Status(trace.StatusCode.ERROR, code))


class OpenTelemetry:
    """Makes spans, and sends them from a thread of its own."""

    def __init__(self) -> None:
        self._provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("imagesvc", version("imagesvc"))

    @contextlib.contextmanager
    def span(self, name: str, kind: Kind, carrier: Carrier) -> Iterator[Span]:
        """A span of the work in its context; log lines of this work have the id of its trace."""
        parent = _PROPAGATOR.extract(dict(carrier)) if carrier else None
        with (
            self._tracer.start_as_current_span(
                name,
                parent,
                _KINDS[kind],
                record_exception=False,  # the message of an error may contain a path or a name
                set_status_on_exception=False,
            ) as span,
        ):
            recorded = _Recorded(span)
            with structlog.contextvars.bound_contextvars(trace_id=recorded.trace_id):
                try:
                    yield recorded
                except BaseException as error:
                    recorded.fail(type(error).__name__)
                    raise

    def carrier(self) -> Carrier:
        """The fields that continue the running span in another service."""
        fields: dict[str, str] = {}
        _PROPAGATOR.inject(fields)
        return list(fields.items())

    def close(self) -> None:
        """Send the spans that are left; it takes as long as the receiver may take."""
        self._provider.shutdown()


def _resource() -> Resource:
    found = Resource.create({SERVICE_VERSION: version("imagesvc")})
    if str(found.attributes.get(SERVICE_NAME, _UNNAMED)).startswith(_UNNAMED):
        found = found.merge(Resource({SERVICE_NAME: "imagesvc"}))
    return found
