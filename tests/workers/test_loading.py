"""How a worker loads."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attack.pools import execute, rogue_pool

COLLECTION = "import gc; result = [gc.isenabled(), gc.get_freeze_count()]"


@pytest.mark.anyio
async def test_what_a_worker_loads_is_not_searched_for_garbage(tmp_path: Path) -> None:
    """What it makes later is."""
    async with rogue_pool(tmp_path) as pool:
        is_on, frozen = await execute(pool, COLLECTION)

    assert is_on
    assert frozen > 10_000
