"""Work that a cancellation must not cut in two."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from anyio import CancelScope

T = TypeVar("T")


async def run_to_end(work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns or raises; a cancellation waits for its end, and only then goes on.

    A `CancelScope` shields from other scopes of anyio, but not from `Task.cancel()`, with which
    event loops, servers and `asyncio.timeout` cancel. So the work has a task of its own.

    Raises:
        CancelledError: the task that waits was cancelled; the work has ended.
    """
    task = asyncio.create_task(work)
    cancelled: asyncio.CancelledError | None = None
    with CancelScope(shield=True):  # a scope that is cancelled would cancel every further wait
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError as error:
                cancelled = error
    if cancelled is None:
        return task.result()
    raise cancelled from None if task.cancelled() else task.exception()
