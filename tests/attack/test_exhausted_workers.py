"""A file that exhausts a worker's memory or stack is refused, and the worker continues."""

from __future__ import annotations

from pathlib import Path

import pytest

from imagesvc.errors import ImageTooLarge
from tests.attack.pools import execute, rogue_pool

pytestmark = pytest.mark.anyio
PID = "import os; result = os.getpid()"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("bytes(1 << 42)", "more memory than a worker may use"),
        pytest.param(
            "list(range(1 << 31))", "more memory than a worker may use", marks=pytest.mark.breadth
        ),
        ("def down(): down()\ndown()", "nested too deeply"),
    ],
)
async def test_exhausted_resources_are_a_client_error(tmp_path: Path, code: str, says: str) -> None:
    """This applies to each part of identification and rendering."""
    async with rogue_pool(tmp_path) as pool:
        before = await execute(pool, PID)

        with pytest.raises(ImageTooLarge, match=says):
            await execute(pool, code)

        assert await execute(pool, PID) == before
