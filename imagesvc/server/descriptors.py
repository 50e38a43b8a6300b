"""Descriptors of the process: how many connections its limit of open files has room for."""

from __future__ import annotations

import resource
from dataclasses import dataclass

MAX_OPEN_FILES = 65_536
BASE = 48
"""Descriptors of the service itself: database, log, sockets, event loop."""
PER_WORKER = 8
PER_CONNECTION = 2
"""A connection and the file that it sends or receives."""
MAX_BACKLOG = 2048


@dataclass(frozen=True, slots=True)
class Room:
    """How a limit of open files is shared out."""

    connections: int
    backlog: int
    """Connections that may be accepted at once, or stay open a moment after they are refused."""


def raise_limit() -> int:
    """Raise the soft limit of open files, which is often 1024, as far as is allowed; the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return MAX_OPEN_FILES if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def room_for(connections: int, workers: int, limit: int) -> Room:
    """Room for so many connections, or as many as a limit of open files allows.

    Connections beyond are accepted to be refused with an answer, so they need descriptors, too:
    at its limit the kernel accepts nothing, and the event loop closes what waits without a word.
    """
    backlog = max(8, min(MAX_BACKLOG, limit // 8))
    left = limit - BASE - PER_WORKER * workers - 2 * backlog
    return Room(max(1, min(connections, left // PER_CONNECTION)), backlog)
