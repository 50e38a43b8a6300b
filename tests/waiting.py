"""Waiting for conditions. A deadline only ends a test that has failed already."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

PATIENCE = 120.0
"""Seconds until a condition counts as never met, on a machine that does other work as well.

The time limit of a whole test, in pyproject.toml, is a multiple of it.
"""
PAUSE = 0.02
T = TypeVar("T")


def until(condition: Callable[[], T | None]) -> T:
    """Poll until the condition is true; its value then."""
    deadline = time.monotonic() + PATIENCE
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not true within {PATIENCE} s"
        time.sleep(PAUSE)
    return value


async def until_async(condition: Callable[[], Awaitable[T | None]]) -> T:
    """Poll until the condition is true, while the event loop goes on; its value then."""
    deadline = time.monotonic() + PATIENCE
    while not (value := await condition()):
        assert time.monotonic() < deadline, f"not true within {PATIENCE} s"
        await asyncio.sleep(PAUSE)
    return value
