"""The processes of a pool, seen from the process that has it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from imagesvc.errors import WorkerDied
from tests.attack.pools import execute, rogue_pool

pytestmark = pytest.mark.anyio
PID = "import os; result = os.getpid()"
MEETING = """
import os, pathlib, time
folder = pathlib.Path({folder!r})
(folder / str(os.getpid())).touch()
while len(list(folder.iterdir())) < 2:
    time.sleep(0.01)
result = os.getpid()
"""
"""It ends when two processes run it at the same time."""


def children() -> set[int]:
    """The processes that this one has started."""
    lists = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {int(pid) for path in lists for pid in path.read_text().split()}


async def test_a_call_after_a_death_waits_for_the_worker_that_replaces_the_dead_one(
    tmp_path: Path,
) -> None:
    """It starts none of its own, which would take as long and be ended soon.

    Two calls need two workers, and one that is cancelled takes none with it.
    """
    others = children()
    async with rogue_pool(tmp_path, "off") as pool:
        first = await execute(pool, PID)
        with pytest.raises(WorkerDied):
            await execute(pool, "import os; os._exit(0)")
        cancelled = asyncio.create_task(execute(pool, PID))
        await asyncio.sleep(0)
        cancelled.cancel()
        await asyncio.gather(cancelled, return_exceptions=True)

        second = await execute(pool, PID)

        assert children() - others - {first} == {second}
        with pytest.raises(WorkerDied):
            await execute(pool, "import os; os._exit(0)")
        together = tmp_path / "together"
        together.mkdir()
        code = MEETING.format(folder=str(together))
        both = await asyncio.gather(execute(pool, code), execute(pool, code))
        assert len(set(both)) == 2
        assert set(both).isdisjoint({first, second})
