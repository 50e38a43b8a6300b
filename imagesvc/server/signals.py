"""Signals besides SIGTERM and SIGINT that end a process by default."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType

STOPPING = (signal.SIGHUP, signal.SIGQUIT)
"""Signals for a graceful stop: the terminal was closed, or a supervisor uses nginx's signal."""
IGNORED = (signal.SIGUSR1, signal.SIGUSR2)
"""Ignored signals, which log rotation tools and process managers send to every server."""

Handler = Callable[[int, FrameType | None], None]


@contextlib.contextmanager
def handled(stop: Handler) -> Iterator[None]:
    """Handle the signals during the context; a signal that `nohup` ignores stays ignored."""
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
