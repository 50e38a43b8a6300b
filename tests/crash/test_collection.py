"""`gc` during uploads and deletes of the same bytes removes only orphans (invariant 3)."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import MakeServer
from tests.crash.test_kills import collection_leaves_no_orphan, promises_hold
from tests.crash.traffic import Ledger, Traffic, rows
from tests.server import Server
from tests.waiting import until

COLLECT_FOR_EVER = """
import asyncio, sys
from pathlib import Path
from imagesvc.service.service import Service
from imagesvc.settings.settings import Settings

async def main():
    service = Service(Settings(data_dir=Path(sys.argv[1]), auth="off"))
    while True:
        await service.collector.collect(grace_seconds=0)

asyncio.run(main())
"""


@contextmanager
def collecting(data_dir: Path) -> Iterator[None]:
    """Another process that collects orphans without grace period and without pause."""
    process = subprocess.Popen([sys.executable, "-c", COLLECT_FOR_EVER, str(data_dir)])
    try:
        yield
        assert process.poll() is None, "the collection ended by itself"
    finally:
        process.kill()
        process.wait()


def race(server: Server, deletes: int) -> None:
    """Upload, delete, check and collect until this many are deleted, then check everything."""
    ledger, chance = Ledger(), random.Random(5)
    clients = Traffic(server, ledger)
    with (
        contextlib.closing(clients),
        collecting(server.data_dir),
        clients.flows(7),
    ):
        for enough in range(20, deletes + 1, 20):
            until(lambda: len(ledger.deleted) >= enough or clients.wrong)  # noqa: B023  # at once

    assert not clients.wrong, clients.wrong
    assert ledger.kept
    assert rows(server.data_dir, "SELECT sha256 FROM blobs") <= server.blobs()
    promises_hold(server, ledger, chance, sample=None)
    collection_leaves_no_orphan(server)


@pytest.mark.breadth
def test_collecting_during_uploads_removes_no_used_blob(make_server: MakeServer) -> None:
    """Without grace period only the locks of the digests protect a blob from collection."""
    race(make_server(workers=2), deletes=20)


@pytest.mark.long
def test_collecting_for_long_removes_no_used_blob(make_server: MakeServer) -> None:
    """The long version of the previous test."""
    race(make_server(workers=2), deletes=2000)


def test_an_orphan_is_collected_when_it_is_old_enough(make_server: MakeServer) -> None:
    """Its age counts from the last upload, so that a recent upload is kept."""
    server = make_server(workers=1)
    orphan = server.data_dir / "blobs" / "ab" / "cd" / ("abcd" + "0" * 60)
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"a crash left this")

    assert server.cli("gc", "--grace", "1h").returncode == 0
    assert orphan.exists()
    assert "1 blobs" in server.cli("gc", "--grace", "0s", "--dry-run").stdout
    assert orphan.exists()
    assert server.cli("gc", "--grace", "0s").returncode == 0
    assert not orphan.exists()


def test_a_running_server_collects_by_itself(make_server: MakeServer) -> None:
    """It collects at its start and at intervals, without an operator."""
    grace = 0.5
    server = make_server(workers=1, gc_interval="200ms", gc_grace=f"{grace}s")
    orphan = server.data_dir / "blobs" / "ab" / "cd" / ("abcd" + "0" * 60)
    orphan.parent.mkdir(parents=True)
    left_at = time.monotonic()
    orphan.write_bytes(b"a crash left this")

    until(lambda: not orphan.exists())

    assert time.monotonic() - left_at > grace / 2


def test_a_start_empties_tmp(make_server: MakeServer) -> None:
    """Uploads that were unfinished when the server was killed cannot continue."""
    server = make_server(workers=1)
    server.kill()
    (server.data_dir / "tmp" / "half").write_bytes(b"half an upload")

    server.start()

    assert list((server.data_dir / "tmp").iterdir()) == []
