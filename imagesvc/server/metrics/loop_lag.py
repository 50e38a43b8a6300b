"""How late the event loop is: the first sign of work that blocks it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from imagesvc.histograms import Histogram

EVERY_SECONDS = 0.5


class LoopLag:
    """Measures twice a second how late a timer of the loop is."""

    def __init__(self) -> None:
        self.seconds = Histogram()

    @contextlib.contextmanager
    def measured(self) -> Iterator[None]:
        """Measure meanwhile, in the running loop."""
        loop = asyncio.get_running_loop()
        timer: asyncio.TimerHandle | None = None

        def measure(due_at: float) -> None:
            nonlocal timer
            now = loop.time()
            self.seconds.add(max(0.0, now - due_at))
            timer = begin(now)

        def begin(now: float) -> asyncio.TimerHandle:
            due_at = now + EVERY_SECONDS
            return loop.call_at(due_at, measure, due_at)

        timer = begin(loop.time())
        try:
            yield
        finally:
            timer.cancel()
