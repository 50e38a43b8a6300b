"""The switch of tracing: the setting, the extra that it needs, and the beginning and end."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator

from imagesvc.tracing.spans import use_tracer

MISSING = "tracing needs the extra otel: pip install 'imagesvc[otel]'"


def is_installed() -> bool:
    """Whether the extra `otel` is there."""
    try:
        return importlib.util.find_spec("opentelemetry.exporter.otlp.proto.http") is not None
    except ModuleNotFoundError:
        return False


@contextlib.contextmanager
def traced(*, is_on: bool) -> Iterator[None]:
    """Trace meanwhile, if it is on; what is left at the end is sent."""
    if not is_on:
        yield
        return
    # OpenTelemetry takes a tenth of a second to import, and is not there without the extra.
    from imagesvc.tracing.telemetry import OpenTelemetry  # noqa: PLC0415

    tracer = OpenTelemetry()
    use_tracer(tracer)
    try:
        yield
    finally:
        use_tracer(None)
        tracer.close()
