"""Variants that wait to be stored, with a disk that is full for a time."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from imagesvc.cache.memory import Entry
from imagesvc.cache.write_behind import WriteBehind
from imagesvc.model.ids import VariantKey
from tests.cache.test_memory import entry

pytestmark = pytest.mark.anyio


async def test_a_disk_that_stays_full_is_logged_once_and_its_end_once(tmp_path: Path) -> None:
    """A line for each batch would fill a log on the same disk."""
    disk = Path("/dev/full")

    async def put(batch: Sequence[Entry]) -> None:
        for one in batch:
            disk.write_bytes(one.body)

    async def record_uses(uses: dict[VariantKey, datetime]) -> None:
        assert uses

    behind = WriteBehind(put, record_uses)
    with capture_logs() as lines:
        for number in range(3):
            behind.add(entry(str(number), size=10))
            behind.touch(VariantKey(str(number)))
            await behind.flush()
        behind.touch(VariantKey("1"))
        await behind.flush()  # stores nothing, so it does not end the outage
        disk = tmp_path / "file"
        for number in range(2):
            behind.add(entry(str(number), size=10))
            await behind.flush()

    assert [line["action"] for line in lines] == ["variants.unstored", "variants.stored"]
    assert lines[0]["error"] == os.strerror(errno.ENOSPC)
