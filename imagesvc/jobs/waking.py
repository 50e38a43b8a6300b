"""Waiting for an event, for so long."""

from __future__ import annotations

import asyncio
import contextlib


async def is_set_within(event: asyncio.Event, seconds: float) -> bool:
    """Whether an event is set within some seconds; returns as soon as it is."""
    # asyncio.wait_for of Python 3.11 loses a cancellation that comes just as the event is set.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return await event.wait()
    return False
