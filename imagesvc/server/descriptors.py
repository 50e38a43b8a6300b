"""Descriptors of the process: how many connections its limit of open files permits."""

from __future__ import annotations

import resource
from dataclasses import dataclass

from imagesvc.errors import Unavailable

MAX_OPEN_FILES = 65_536
BASE = 48
"""Descriptors of the service itself: database, log, sockets, event loop."""
PER_WORKER = 8
PER_CONNECTION = 2
"""Descriptors of a connection and of the file that it sends or receives."""
MAX_BACKLOG = 2048
MIN_CONNECTIONS = 16
"""With fewer, a server would start and refuse nearly every visitor."""


class TooFewDescriptors(Unavailable):
    """The limit of open files has no room for a server."""


@dataclass(frozen=True, slots=True)
class Room:
    """How a limit of open files is shared out."""

    connections: int
    backlog: int
    """Connections that may be accepted together, or stay open a moment after they are refused."""


def raise_limit() -> int:
    """Raise the soft limit of open files, which is often 1024, to the maximum; returns it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_OPEN_FILES if hard == resource.RLIM_INFINITY else min(hard, MAX_OPEN_FILES)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return MAX_OPEN_FILES if soft == resource.RLIM_INFINITY else soft
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted


def room_for(connections: int, workers: int, limit: int) -> Room:
    """The number of possible connections, at most the wanted number.

    Connections beyond it are accepted and refused with a response, so they need descriptors, too:
    without descriptors the kernel accepts no connection, and the event loop closes waiting ones
    without a response.

    Raises:
        TooFewDescriptors: there is no room for `MIN_CONNECTIONS`, or for the wanted number if that
            is smaller.
    """
    backlog = max(8, min(MAX_BACKLOG, limit // 8))
    left = limit - BASE - PER_WORKER * workers - 2 * backlog
    if left < PER_CONNECTION * min(connections, MIN_CONNECTIONS):
        raise TooFewDescriptors(
            f"The limit of open files is {limit}, too few for the server and {workers} workers. "
            "Set LimitNOFILE=65536 in the systemd unit, or ulimit -n 4096 before the start."
        )
    return Room(min(connections, left // PER_CONNECTION), backlog)
