"""Spans: what parts record of work that takes long. Without tracing, they record nothing.

A response from memory has no span: whether a request is traced is decided after memory was asked.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from enum import Enum, auto
from typing import Protocol

Value = str | int | float | bool
Carrier = list[tuple[str, str]]
"""Header fields that carry the context of a trace (W3C Trace Context)."""


class Kind(Enum):
    """Which side of a request the work is."""

    INTERNAL = auto()
    SERVER = auto()
    CLIENT = auto()


class Span(Protocol):
    """One piece of work."""

    @property
    def trace_id(self) -> str | None:
        """The id of its trace in hexadecimal digits; None without tracing."""
        ...

    def name(self, name: str) -> None:
        """Replace the name."""
        ...

    def note(self, **attributes: Value | None) -> None:
        """Add attributes; those that are None are left out."""
        ...

    def fail(self, code: str) -> None:
        """Record that the work failed, with the code of the error."""
        ...


class Tracer(Protocol):
    """Makes spans."""

    def span(self, name: str, kind: Kind, carrier: Carrier) -> AbstractContextManager[Span]:
        """A span of the work in its context; part of the running span, or of that of `carrier`."""
        ...

    def carrier(self) -> Carrier:
        """The fields that continue the running span in another service."""
        ...


class _NoSpan:
    trace_id = None

    def name(self, name: str) -> None:
        pass

    def note(self, **attributes: Value | None) -> None:
        pass

    def fail(self, code: str) -> None:
        pass


_NOTHING = nullcontext(_NoSpan())
_tracers: list[Tracer] = []


def use_tracer(tracer: Tracer | None) -> None:
    """Make spans by a tracer from now on; None makes none."""
    _tracers[:] = [] if tracer is None else [tracer]


def span(
    name: str, kind: Kind = Kind.INTERNAL, carrier: Carrier | None = None
) -> AbstractContextManager[Span]:
    """A span of the work in its context.

    Args:
        name: one of few.
        kind: which side of a request it is.
        carrier: fields of the request that it serves.
    """
    return _tracers[0].span(name, kind, carrier or []) if _tracers else _NOTHING


def carrier() -> Carrier:
    """The fields that continue the running span in another service; none without tracing."""
    return _tracers[0].carrier() if _tracers else []
