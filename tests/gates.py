"""Stopping work at a known point, to cancel it there as event loops and servers do."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from tests.waiting import PATIENCE


class Gate:
    """Holds the work that reaches it until it is opened."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.opened = asyncio.Event()

    async def wait(self) -> None:
        """Say that the work has come this far, and wait."""
        self.reached.set()
        await self.opened.wait()


async def cancelled_at(gate: Gate, work: Coroutine[Any, Any, Any]) -> None:
    """Cancel the task of some work while it is at a gate, then let it end."""
    task = asyncio.create_task(work)
    async with asyncio.timeout(PATIENCE):
        await gate.reached.wait()
        task.cancel()
        gate.opened.set()
        with pytest.raises(asyncio.CancelledError):
            await task
