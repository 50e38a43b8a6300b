"""Files on their way in, whose requesters are cancelled."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from anyio import to_thread

from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.incoming import BUFFER, Incoming
from tests.waiting import PATIENCE

pytestmark = pytest.mark.anyio


@dataclass(frozen=True, slots=True)
class GatedDir(DataDir):
    """A data directory whose free space is asked for before a file is made, and takes a while."""

    is_asked: threading.Event = field(default_factory=threading.Event)
    may_answer: threading.Event = field(default_factory=threading.Event)

    def free_bytes(self) -> int:
        """Wait at the gate, then look."""
        self.is_asked.set()
        assert self.may_answer.wait(PATIENCE)
        return DataDir.free_bytes(self)


async def test_a_cancelled_upload_does_not_end_before_its_write(tmp_path: Path) -> None:
    """Else the thread would make the file after it was removed."""
    data_dir = GatedDir(tmp_path)
    data_dir.tmp.mkdir()
    incoming = Incoming(data_dir, max_bytes=1 << 30, min_free_bytes=0)

    async def received() -> None:
        async with incoming.receive() as file:
            await file.write(b"x" * BUFFER)

    task = asyncio.create_task(received())
    assert await to_thread.run_sync(data_dir.is_asked.wait, PATIENCE)
    task.cancel()
    for _ in range(50):  # its end has every chance to come too early
        await to_thread.run_sync(lambda: None)
    is_early = task.done()
    data_dir.may_answer.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not is_early
    assert list(data_dir.tmp.iterdir()) == []
