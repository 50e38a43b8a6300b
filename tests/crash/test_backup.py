"""Backups and restores under traffic and kills, on a full disk, and to a bucket that fails."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from imagesvc.errors import Conflict, Unavailable
from imagesvc.library.backup.backup import back_up
from imagesvc.library.backup.bucket import BucketDestination
from imagesvc.library.backup.restore import restore
from imagesvc.library.backup.snapshots import whole_snapshots_in
from imagesvc.library.backup.source import data_dir_source
from imagesvc.model.ids import utc_now
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.objects.opening import open_bucket
from tests import commands
from tests.conftest import MakeServer
from tests.crash.test_full_disk import mounted
from tests.crash.traffic import ALWAYS_KEPT, LONG_KILLS, Ledger, Promise, Traffic
from tests.s3 import CREDENTIALS, make_bucket, new_s3_server
from tests.server import Server, reserve_port
from tests.store.stock import make_stock
from tests.waiting import LONG_PATIENCE, until

KILLS = [3, pytest.param(min(40, LONG_KILLS), marks=[pytest.mark.long, pytest.mark.timeout(3600)])]


def killed(arguments: tuple[str, ...], seconds: float, directory: Path) -> int | None:
    """Run a command, and kill it after a while; its status, or None if it was killed."""
    return killed_when(arguments, lambda: False, seconds, directory)


def killed_when(
    arguments: tuple[str, ...], condition: Callable[[], bool], seconds: float, directory: Path
) -> int | None:
    """Run a command, and kill it on a condition or after a while."""
    with Path(os.devnull).open("rb+") as nothing:
        process = commands.start(*arguments, directory=directory, streams=(nothing,) * 3)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not condition():
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(0.001)
        process.kill()
        process.wait()
        return None


def killed_while(arguments: tuple[str, ...], made: Path, directory: Path) -> bool:
    """Run a command, and kill it while a path exists that it removes; False if it was too quick."""
    killed_when(arguments, made.exists, LONG_PATIENCE, directory)
    return made.exists()


@pytest.mark.parametrize("kills", KILLS)
def test_kills_under_traffic_leave_backups_that_are_whole(
    make_server: MakeServer, tmp_path: Path, kills: int
) -> None:
    """Each copy is sound and has every image that was confirmed before its backup began."""
    server, ledger, chance = make_server(workers=1), Ledger(), random.Random(kills)
    traffic, place = Traffic(server, ledger), tmp_path / "backups"
    arguments = ("backup", str(place), "--keep", "1h", "--data-dir", str(server.data_dir))
    with traffic.flows(kills):
        until(lambda: len(ledger.kept) >= ALWAYS_KEPT or traffic.wrong)
        began = time.monotonic()
        done = server.cli("backup", str(place), patience=LONG_PATIENCE)
        assert done.returncode == 0, done.stdout + done.stderr
        whole = time.monotonic() - began
        until(lambda: killed_while(arguments, place / "tmp", tmp_path))  # the next one removes it
        for _ in range(kills - 1):
            killed(arguments, chance.uniform(0.0, whole), tmp_path)
        with ledger.lock:
            kept = dict(ledger.kept)
            ledger.protected = frozenset(sorted(kept)[:ALWAYS_KEPT])
        done = server.cli("backup", str(place), "--keep", "1h", "--verify", patience=LONG_PATIENCE)
        assert done.returncode == 0, done.stdout + done.stderr
    traffic.close()
    assert not traffic.wrong, traffic.wrong
    with ledger.lock:
        expected = [kept[image_id] for image_id in kept if image_id in ledger.kept]
    server.kill()

    restore_with_kills(place, tmp_path / "new", chance, kills)
    promises_hold(tmp_path / "new", expected)


def restore_with_kills(place: Path, target: Path, chance: random.Random, kills: int) -> None:
    """Each run goes on where the one before was killed."""
    arguments = ("restore", str(place), str(target))
    began = time.monotonic()
    timed = target.with_name("timed")
    done = commands.run("restore", str(place), str(timed), patience=LONG_PATIENCE)
    assert done.returncode == 0, done.stderr
    whole = time.monotonic() - began

    def is_killed() -> bool:
        shutil.rmtree(target, ignore_errors=True)
        return killed_while(arguments, target / "restore.json", target.parent)

    until(is_killed)
    for _ in range(kills - 1):
        status = killed(arguments, chance.uniform(0.0, whole), target.parent)
        if status is not None:  # the one before was killed after its work
            assert status == 0 or (target / "imagesvc.db").exists()
            return
    done = commands.run(*arguments, patience=LONG_PATIENCE)
    if done.returncode == 2:  # it was killed after it had ended
        assert "is not empty" in done.stderr
        return
    assert done.returncode == 0, done.stderr


def promises_hold(data_dir: Path, expected: list[Promise]) -> None:
    """The copy is sound, and delivers what had been confirmed."""
    server = Server(data_dir)
    checked = server.cli("check", patience=LONG_PATIENCE)
    assert checked.returncode == 0, checked.stdout
    assert "without a row" not in checked.stdout
    server.start()
    assert len(expected) >= ALWAYS_KEPT
    for promise in expected:
        original = server.client.get(f"/images/{promise.image_id}")
        assert original.status_code == 200, promise.image_id
        assert original.content == promise.content
    server.close()


def test_a_full_disk_ends_a_backup_and_the_next_one_continues(tmp_path: Path) -> None:
    """The message names the disk of the backup; nothing there looks like a whole snapshot."""
    data_dir = make_stock(tmp_path, 3)
    place = tmp_path / "small"
    place.mkdir()
    with mounted(place, "size=440k"):
        done = commands.run("backup", str(place / "b"), "--data-dir", str(data_dir))
        assert done.returncode == 2
        assert f"The disk of {place / 'b'}" in done.stderr
        assert "is full" in done.stderr
        assert list((place / "b").rglob("manifest.json")) == []
        assert list((place / "b").rglob("*.new")) == []
        assert not (place / "b" / "tmp").exists()
        subprocess.run(["mount", "-o", "remount,size=20M", str(place)], check=True)
        done = commands.run("backup", str(place / "b"), "--data-dir", str(data_dir))
        assert done.returncode == 0, done.stderr
        assert "0 of them new" in done.stdout
        done = commands.run("restore", str(place / "b"), str(tmp_path / "new"))
        assert done.returncode == 0, done.stderr


@pytest.fixture
def port() -> Iterator[int]:
    """A port that no other process gets, also while nothing listens at it."""
    with reserve_port() as reservation:
        yield reservation.getsockname()[1]


@pytest.mark.breadth
def test_a_bucket_that_fails_midway_is_continued(
    tmp_path: Path, port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock keeps others out; no snapshot is whole; the next run copies no blob again."""
    data_dir = make_stock(tmp_path, 3)
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    server = new_s3_server(port)
    server.start()
    url = make_bucket(f"http://127.0.0.1:{port}", "backups", "of/photos")

    def fails(step: str, _done: int, _total: int) -> None:
        if step == "storing":
            server.stop()

    def passes(_step: str, _done: int, _total: int) -> None:
        pass

    async def run(progress: Any, clock: Callable[[], datetime] = utc_now) -> int:
        destination = BucketDestination(open_bucket(url), clock)
        await destination.prepare()
        async with destination.lock():
            with pytest.raises(Conflict, match="Another backup"):
                async with BucketDestination(open_bucket(url)).lock():
                    pass
            async with data_dir_source(DataDir(data_dir)) as source:
                return (await back_up(source, destination, progress)).copied

    with pytest.raises(Unavailable, match="s3://backups/of/photos"):
        asyncio.run(run(fails))
    server = new_s3_server(port)
    server.start()
    try:
        destination = BucketDestination(open_bucket(url))
        assert asyncio.run(whole_snapshots_in(destination)) == []
        with pytest.raises(Conflict, match="stopped within the last 15 minutes: process"):
            asyncio.run(run(passes))  # that run could not remove its lock
        later = utc_now() + timedelta(minutes=16)
        assert asyncio.run(run(passes, lambda: later)) == 0
        report = asyncio.run(restore(destination, DataDir(tmp_path / "new"), None, passes))
    finally:
        server.stop()
    assert (report.blobs, report.faults) == (3, {})
    with contextlib.closing(Server(tmp_path / "new")) as copy:
        assert copy.cli("check").returncode == 0
