"""Work that a cancellation must not cut in two."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, NoReturn, TypeVar

from anyio import CancelScope

T = TypeVar("T")
REPEAT_SECONDS = 1.0


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


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel tasks, and wait until all have ended, however they do.

    Before Python 3.12, `asyncio.wait_for`, which drivers use, loses a cancellation that comes when
    its wait is over (https://github.com/python/cpython/issues/86296): so it is repeated.
    """
    running = {task for task in tasks if not task.done()}
    while running:
        for task in running:
            task.cancel()
        _, running = await asyncio.wait(running, timeout=REPEAT_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)


async def unless(ended: Coroutine[Any, Any, NoReturn], work: Coroutine[Any, Any, T]) -> T:
    """What `work` returns, unless `ended` raises first: then the work is cancelled.

    Raises:
        Exception: what `ended` raised.
    """
    ending, working = asyncio.create_task(ended), asyncio.create_task(work)
    try:
        await asyncio.wait((ending, working), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            ending.result()
        return working.result()
    finally:
        await end(ending, working)


async def all_of(*works: Coroutine[Any, Any, None]) -> None:
    """Run these at the same time; none of them runs on after one has failed."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        await end(*tasks)
