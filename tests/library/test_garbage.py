"""Collection during an upload: the lock of the digest protects the blob."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from pathlib import Path

import pytest

from imagesvc.model.ids import BlobName, Digest, digest_of
from imagesvc.service.service import Service
from imagesvc.store.files.incoming import Incoming
from tests import commands
from tests.crash.pictures import jpeg
from tests.jobs.service import idle_service
from tests.waiting import PATIENCE, until

pytestmark = pytest.mark.anyio


async def published_half(service: Service) -> BlobName:
    """Put a blob in place, as an upload does before it writes its row."""
    incoming = Incoming(service.files.data_dir, max_bytes=1 << 20, min_free_bytes=0)
    async with incoming.receive() as file:
        await file.write(jpeg(1))
        received = await file.finish()
        name = await service.files.blobs.put(received.path, received.digest)
        received.is_moved = True
    return name


async def write_row(service: Service, digest: Digest) -> None:
    """Insert the row of the blob."""
    await service.stores.database.write(
        lambda connection: connection.exec_driver_sql(
            "INSERT INTO blobs (sha256, bytes, created_at) VALUES (?, 1, 0)", (digest,)
        )
    )


async def test_collection_waits_for_the_upload_that_holds_the_digest(tmp_path: Path) -> None:
    """The blob exists, its row does not yet: without grace period only the lock protects it."""
    async with idle_service(tmp_path / "data") as service:
        name = await published_half(service)
        async with service.files.locks.hold(digest_of(name)):
            collecting = asyncio.create_task(service.collector.collect(grace_seconds=0))
            await asyncio.sleep(0.2)
            assert not collecting.done()
            assert await service.files.blobs.size(name) is not None
            await write_row(service, digest_of(name))

        found = await collecting

        assert found.blobs == 0
        assert await service.files.blobs.size(name) is not None


async def test_collection_in_another_process_waits_too(tmp_path: Path) -> None:
    """An operator runs `imagesvc gc` while the server runs."""
    async with idle_service(tmp_path / "data") as service:
        name = await published_half(service)
        data_dir = service.files.data_dir
        async with service.files.locks.hold(digest_of(name)):
            other = collecting(data_dir.root)
            await asyncio.to_thread(until, lambda: has_open(other.pid, data_dir.digest_lock))
            with pytest.raises(subprocess.TimeoutExpired):
                await asyncio.to_thread(other.wait, 1.0)
            assert await service.files.blobs.size(name) is not None
            await write_row(service, digest_of(name))

        assert await asyncio.to_thread(other.wait, PATIENCE) == 0
        assert await service.files.blobs.size(name) is not None


def collecting(root: Path) -> commands.Process:
    """A running `imagesvc gc` without a grace period."""
    arguments = ("gc", "--grace", "0s", "--data-dir", str(root))
    with Path(os.devnull).open("r+b") as null:
        return commands.start(*arguments, directory=root.parent, streams=(null, null, null))


def has_open(pid: int, path: Path) -> bool:
    """Whether a process has opened a file."""
    targets = set()
    for handle in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            targets.add(handle.readlink())
    return path.resolve() in targets


async def test_locks_of_one_digest_exclude_each_other_and_of_two_do_not(tmp_path: Path) -> None:
    """Uploads of different pictures never wait for each other."""
    async with idle_service(tmp_path / "data") as service:
        first, second = Digest("a" * 64), Digest("b" * 64)
        async with service.files.locks.hold(first):
            async with asyncio.timeout(PATIENCE), service.files.locks.hold(second):
                pass
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1), service.files.locks.hold(first):
                    pass
        async with asyncio.timeout(PATIENCE), service.files.locks.hold(first):
            pass
