"""Work that runs to its end, however its requester is cancelled."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from anyio import CancelScope

import imagesvc
from imagesvc.cancellation import end, run_to_end
from tests.gates import Gate, cancelled_at
from tests.waiting import PATIENCE

pytestmark = pytest.mark.anyio
CLOSING = {"delivery/bodies.py", "outbound/connections.py"}
"""These close files and sockets, which are closed also when the closing is cancelled."""


class Work:
    """Something that takes a while, and may fail."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.gate = Gate()
        self.is_done = False
        self._failure = failure

    async def run(self) -> str:
        """Do it."""
        await self.gate.wait()
        self.is_done = True
        if self._failure is not None:
            raise self._failure
        return "done"


async def test_work_gives_what_it_returns_or_raises() -> None:
    """Without a cancellation it is as if it were awaited."""
    work, failing = Work(), Work(ValueError("no"))
    work.gate.opened.set()
    failing.gate.opened.set()

    assert await run_to_end(work.run()) == "done"
    with pytest.raises(ValueError, match="no"):
        await run_to_end(failing.run())


@pytest.mark.parametrize("failure", [None, ValueError("no")])
async def test_a_cancelled_task_ends_after_its_work(failure: ValueError | None) -> None:
    """The cancellation goes on then, whatever became of the work."""
    work = Work(failure)

    await cancelled_at(work.gate, run_to_end(work.run()))

    assert work.is_done


async def test_a_second_cancellation_waits_as_well() -> None:
    """A stop cancels what a client that has gone had cancelled before."""
    work = Work()
    task = asyncio.create_task(run_to_end(work.run()))
    await work.gate.reached.wait()

    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
        assert not task.done()
    work.gate.opened.set()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.is_done


async def test_a_cancelled_scope_waits_as_well() -> None:
    """Scopes of anyio cancel again and again until their tasks have ended."""
    work = Work()
    scope = CancelScope()

    async def scoped() -> None:
        with scope:
            await run_to_end(work.run())

    task = asyncio.create_task(scoped())
    async with asyncio.timeout(PATIENCE):
        await work.gate.reached.wait()
        scope.cancel()
        work.gate.opened.set()
        await task

    assert work.is_done


def test_nothing_else_relies_on_a_scope_to_hold_off_a_cancellation() -> None:
    """A scope does not hold off `Task.cancel()`; commits run to their end in a task."""
    root = Path(imagesvc.__file__).parent
    files = [path for path in root.rglob("*.py") if "CancelScope(" in path.read_text()]

    names = {path.relative_to(root).as_posix() for path in files}
    assert names == {"cancellation.py", *CLOSING}


async def test_a_task_that_loses_a_cancellation_is_ended() -> None:
    """As with `asyncio.wait_for` when its wait is over at the same time."""
    begun, lost = asyncio.Event(), 0

    async def work() -> None:
        nonlocal lost
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            lost += 1
        await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await begun.wait()
    async with asyncio.timeout(PATIENCE):
        await end(task)

    assert (lost, task.cancelled()) == (1, True)
