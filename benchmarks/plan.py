"""What a load process is told to send, and what it tells back."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, encoded ahead; a path in `body` stands for the bytes of that file."""

    head: bytes
    body: tuple[bytes | Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """Requests over some keep-alive connections, each used for one request at a time.

    With `seconds` the requests are sent in turn, again and again, until the time is over;
    without it each is sent once. `warmup_seconds` come before and do not count.
    """

    port: int
    requests: tuple[Request, ...]
    connections: int
    seconds: float | None = None
    warmup_seconds: float = 0.0
    pause_seconds: float = 0.0
    """What a connection rests after each answer: paced probing instead of full load."""
    core: int | None = None
    """The core to run on; None leaves it to the system."""
    keep_bodies: bool = False
    more_ports: tuple[int, ...] = ()
    """Further servers that share the requests with the one at `port`."""


@dataclass(slots=True)
class Outcome:
    """What came of a plan. `seconds` runs from the first request sent to the last answer."""

    seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    started_at: float = 0.0  # seconds since the epoch, to compare with times the server tells

    @property
    def count(self) -> int:
        """How many answers came."""
        return sum(self.statuses.values())

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.count / self.seconds

    def percentile(self, percent: float) -> float:
        """The latency in seconds that `percent` of the answers kept below (nearest rank)."""
        ordered = sorted(self.latencies)
        return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]

    def expect(self, status: int) -> Outcome:
        """This outcome, if every answer had `status`.

        Raises:
            RuntimeError: some had another one, so the figures would measure something else.
        """
        if set(self.statuses) != {status}:
            sample = self.bodies[0][:300] if self.bodies else b""
            raise RuntimeError(f"expected only {status}, got {dict(self.statuses)} {sample!r}")
        return self


def get(path: str, *headers: str) -> Request:
    """A GET request; `headers` are whole lines."""
    lines = (f"GET {path} HTTP/1.1", "Host: localhost", *headers, "", "")
    return Request("\r\n".join(lines).encode())


def post(path: str, media_type: str, *body: bytes | Path) -> Request:
    """A POST request with its Content-Length."""
    length = sum(part.stat().st_size if isinstance(part, Path) else len(part) for part in body)
    lines = (
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        f"Content-Type: {media_type}",
        f"Content-Length: {length}",
        "",
        "",
    )
    return Request("\r\n".join(lines).encode(), body)
