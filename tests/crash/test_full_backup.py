"""Backup and restore where a disk is full."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from imagesvc.library.backup.folder import FolderDestination
from imagesvc.library.backup.layout import blob_key, snapshot_key, snapshot_name
from imagesvc.library.backup.snapshots import whole_snapshots_in
from imagesvc.model.ids import Digest
from imagesvc.store.files.data_dir import DataDir
from tests import commands
from tests.crash.test_full_disk import Disk, mounted
from tests.library.test_backup import blob, saved
from tests.store.stock import make_stock

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OLDEST, OLD = NOW - timedelta(days=9), NOW - timedelta(days=8)


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a server that accepted two images and was stopped."""
    return make_stock(tmp_path_factory.mktemp("stock"), 2)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A tmpfs of 24 MiB."""
    root = tmp_path / "disk"
    root.mkdir()
    with mounted(root):
        yield Disk(root)


def without_blob(stock: Path, place: Path) -> Path:
    """A copy of the data before its first blob was uploaded."""
    shutil.copytree(stock, place)
    digest = blob(place).name
    with closing(sqlite3.connect(place / "imagesvc.db")) as connection, connection:
        connection.execute("DELETE FROM images WHERE sha256 = ?", (digest,))
        connection.execute("DELETE FROM blobs WHERE sha256 = ?", (digest,))
    return place


@pytest.mark.breadth
def test_a_full_destination_gives_up_old_snapshots(stock: Path, disk: Disk, tmp_path: Path) -> None:
    """Those that `--keep` removes anyway, unless the newest one lacks what they may have."""
    place, earlier = disk.root / "backups", without_blob(stock, tmp_path / "earlier")
    saved(earlier, place, now=OLDEST)
    saved(earlier, place, now=OLD)
    digest = Digest(blob(stock).name)
    manifest = place / snapshot_key(snapshot_name(OLD), "manifest.json")
    written = manifest.read_text()
    disk.leave((stock / "imagesvc.db").stat().st_size // 2)
    command = ("backup", str(place), "--data-dir", str(stock))

    kept_all = commands.run(*command)
    copied = (place / blob_key(digest)).stat()
    manifest.write_text(json.dumps({**json.loads(written), "missing": [digest]}))
    kept_copies = commands.run(*command, "--keep", "7d")
    manifest.write_text(written)
    before = asyncio.run(whole_snapshots_in(FolderDestination(place)))
    done = commands.run(*command, "--keep", "7d")

    assert (kept_all.returncode, kept_copies.returncode) == (2, 2)
    assert "With a shorter --keep it removes older snapshots first" in kept_all.stderr
    assert before == [snapshot_name(OLDEST), snapshot_name(OLD)]
    assert done.returncode == 0, done.stderr
    assert f"{place} is full.\nRemoved 1 old snapshots and 0 blobs" in done.stdout
    assert (place / blob_key(digest)).stat() == copied  # by the first of these commands
    disk.empty()
    verified = commands.run(*command, "--verify")
    assert verified.returncode == 0, verified.stdout


def test_the_time_of_a_backup_of_a_full_disk_is_written_over_the_earlier_one(
    stock: Path, disk: Disk, tmp_path: Path
) -> None:
    """The first one has no room: the output and the log say so, and the backup is whole."""
    data = DataDir(disk.root / "data")
    shutil.copytree(stock, data.root, ignore=shutil.ignore_patterns("last-backup"))
    command = ("backup", str(tmp_path / "backups"), "--data-dir", str(data.root))
    disk.leave(0)

    first = commands.run(*command)
    disk.empty()
    data.last_backup.write_text(f"{NOW.isoformat()}\n")
    disk.leave(0)
    second = commands.run(*command)

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert "The time of this backup cannot be written to" in first.stdout
    assert "No space left on device" in first.stdout
    assert '"action":"backup.not_noted"' in first.stderr
    assert "cannot be written" not in second.stdout
    noted = data.last_backup_at()
    assert noted is not None
    assert noted > NOW


def test_a_restore_without_room_says_what_it_needs_and_leaves_nothing(
    stock: Path, disk: Disk, tmp_path: Path
) -> None:
    """The sum is more than the snapshot: SQLite works in the rest."""
    place, target = tmp_path / "backups", disk.root / "new"
    saved(stock, place)

    done = commands.run("restore", str(place), str(target))

    assert done.returncode == 2
    assert "for the database, and 67,108,864 (64 MiB) to spare." in done.stderr
    assert [path.name for path in target.iterdir()] == ["server.lock"]
