"""Waiting for conditions. A deadline only ends a test that has already failed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

PATIENCE = 120.0
"""Seconds until a condition counts as never met, on a busy machine.

The time limit of a whole test, in pyproject.toml, is a multiple of it.
"""
LONG_PATIENCE = 1800.0
"""The same for the work of tests that take minutes."""
PAUSE = 0.02
LONGEST_PAUSE = 0.2
T = TypeVar("T")


def until(condition: Callable[[], T | None], patience: float = PATIENCE) -> T:
    """Poll until the condition is true; returns its value."""
    began = time.monotonic()
    while not (value := condition()):
        time.sleep(_pause(time.monotonic() - began, patience))
    return value


async def until_async(condition: Callable[[], Awaitable[T | None]]) -> T:
    """Poll until the condition is true, without blocking the event loop; returns its value."""
    began = time.monotonic()
    while not (value := await condition()):
        pause = _pause(time.monotonic() - began, PATIENCE)
        await asyncio.sleep(pause)
    return value


def _pause(waited: float, patience: float) -> float:
    """The pause until the next poll: a tenth of the elapsed time, within limits."""
    assert waited < patience, f"not true within {patience} s"
    return min(max(PAUSE, waited / 10), LONGEST_PAUSE)
