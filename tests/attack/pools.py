"""Pools of real workers, in the test's own loop, that run what a test gives them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from imagesvc.workers.pool import PoolLimits, WorkerPool
from imagesvc.workers.sandbox.policy import Mode, Sandbox
from tests.attack.workers.rogue import EXECUTE
from tests.waiting import PATIENCE

LIMITS = PoolLimits(
    workers=1,
    worker_memory=2 << 30,
    worker_jobs=100,
    worker_resident=1 << 30,
    decode_memory=1 << 30,
    output_bytes=16 << 20,
    queue_size=10,
)
ROGUE = "tests.attack.workers.rogue"
LIAR = "tests.attack.workers.liar"
"""It starts in a tenth of the time, without codecs and without a sandbox."""


@contextlib.asynccontextmanager
async def rogue_pool(
    spill_dir: Path, mode: Mode = "auto", module: str = ROGUE
) -> AsyncIterator[WorkerPool]:
    """A pool of one worker that accepts the call `EXECUTE`."""
    pool = WorkerPool(LIMITS, spill_dir, Sandbox(mode), module)
    await pool.start()
    try:
        yield pool
    finally:
        await pool.close()


async def execute(pool: WorkerPool, code: str, **options: Any) -> Any:
    """Run code in a worker; returns what it binds to `result`."""
    return await pool.run(EXECUTE, code, timeout=PATIENCE, **options)
