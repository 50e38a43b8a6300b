"""Accepting an upload, and its interruption."""

from __future__ import annotations

import asyncio
import hashlib
from pathlib import Path

import pytest

from imagesvc.model.ids import Digest
from imagesvc.store.files.blobs_fs import FileBlobStore
from tests.crash.pictures import jpeg, marked
from tests.jobs.service import running_service, upload
from tests.waiting import until

pytestmark = pytest.mark.anyio
PICTURE = jpeg(1)


async def test_an_upload_cancelled_while_it_is_published_leaves_no_row_without_a_blob(
    tmp_path: Path,
) -> None:
    """A stop cancels unfinished requests while a row may be in the middle of its commit."""
    async with running_service(tmp_path / "data") as service:
        blobs = FileBlobStore(service.files.data_dir.blobs)
        for number in range(60):
            content = marked(PICTURE, number)
            path = blobs.path(Digest(hashlib.sha256(content).hexdigest()))
            task = asyncio.create_task(upload(service, content))
            while not path.exists():  # noqa: ASYNC110  # a file raises no event
                await asyncio.sleep(0.0002)
            await asyncio.sleep(number * 0.0001)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        tmp = service.files.data_dir.tmp  # what was cancelled may still be under way
        await asyncio.to_thread(until, lambda: not list(tmp.iterdir()))

        rows = await service.stores.images.blobs_after("", 100)
        missing = [name for name, _ in rows if await service.files.blobs.size(name) is None]

        assert missing == []
        assert len(rows) > 0
