"""Signals besides SIGTERM and SIGINT: what a server does on those that end a process by default."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType

STOPPING = (signal.SIGHUP, signal.SIGQUIT)
"""Stop in good order: the terminal is closed, or a supervisor uses nginx's signal for that."""
IGNORED = (signal.SIGUSR1, signal.SIGUSR2)
"""Tools that rotate logs, and process managers, send them to every server."""

Handler = Callable[[int, FrameType | None], None]


@contextlib.contextmanager
def handled(stop: Handler) -> Iterator[None]:
    """Handle them while the context lasts; what `nohup` has ignored stays ignored."""
    before = {}
    for number in STOPPING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, stop)
    for number in IGNORED:
        before[number] = signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
