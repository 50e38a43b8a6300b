"""Backups of a folder: what they have, what they refuse, and what comes back."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from imagesvc.library.backup.backup import BackupReport, back_up
from imagesvc.library.backup.folder import FolderDestination
from imagesvc.library.backup.layout import blob_key, snapshot_name
from imagesvc.library.backup.restore import restore
from imagesvc.library.backup.snapshots import SnapshotDamaged, remove_old, whole_snapshots_in
from imagesvc.library.backup.source import data_dir_source
from imagesvc.model.ids import Digest, utc_now
from imagesvc.store.db.sqlite.engine import sqlite_engine, transaction
from imagesvc.store.db.sqlite.foreign import renew_triggers, require_own
from imagesvc.store.db.sqlite.migrate import upgrade
from imagesvc.store.db.sqlite.version import has_wal_reset_bug
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.locks import DigestLocks
from tests import commands
from tests.breadth import represented
from tests.crash.pictures import jpeg
from tests.crash.traffic import rows
from tests.http.test_webhooks import HOOKS
from tests.receiver import Receiver
from tests.server import Server
from tests.store.stock import make_stock
from tests.waiting import until

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EVENTS = "SELECT id FROM events"


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a server that accepted three images and was stopped."""
    return make_stock(tmp_path_factory.mktemp("stock"), 3)


def quiet(_step: str, _done: int, _total: int) -> None:
    """Progress that nobody watches."""


def saved(
    data_dir: Path,
    place: Path,
    progress: Callable[[str, int, int], None] = quiet,
    now: datetime = NOW,
) -> BackupReport:
    """A backup in this process."""
    destination = FolderDestination(place)

    async def work() -> BackupReport:
        await destination.prepare()
        async with destination.lock(), data_dir_source(DataDir(data_dir)) as source:
            return await back_up(source, destination, progress, clock=lambda: now)

    return asyncio.run(work())


def restored(place: Path, target: Path) -> Server:
    """A server, not started, on a copy that was restored in this process."""
    report = asyncio.run(restore(FolderDestination(place), DataDir(target), None, quiet))
    assert not report.faults
    return Server(target)


def blob(root: Path, number: int = 0) -> Path:
    """One of the blobs below a directory."""
    return sorted(path for path in (root / "blobs").rglob("*") if path.is_file())[number]


def test_what_is_restored_is_what_was_backed_up(stocked: Server, tmp_path: Path) -> None:
    """With a running server; webhooks are held, and clients of events start over."""
    place, receiver = tmp_path / "backups", Receiver()
    stocked.settings["webhook_allow"] = '["127.0.0.1/32"]'
    stocked.start()
    hook = {"url": receiver.url("/hook", *[500] * 50), "event_types": ["image.created"]}
    stocked.client.post(HOOKS, json=hook).raise_for_status()
    image = stocked.upload(jpeg(50))
    until(lambda: receiver.at("/hook"))

    first = stocked.cli("backup", str(place), "--verify", "--keep", "7d")
    again = stocked.cli("backup", str(place))
    newest = max(int(event) for event in rows(stocked.data_dir, EVENTS))
    metrics = stocked.client.get("/metrics").text
    stocked.stop()

    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    assert "4 of them new" in first.stdout
    assert "Verified: 4 blobs" in first.stdout
    assert "0 of them new" in again.stdout
    assert "imagesvc_last_backup_timestamp_seconds 1." in metrics
    assert place.stat().st_mode & 0o777 == 0o700
    files = [path for path in place.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o077 for path in files} == {0}
    done = commands.run("restore", str(place), str(tmp_path / "new"))
    assert done.returncode == 0, done.stderr
    assert "imagesvc.toml" in done.stdout
    new = Server(tmp_path / "new", webhook_allow='["127.0.0.1/32"]')
    assert new.cli("check").returncode == 0
    before = len(receiver.got)
    new.start()
    assert new.client.get(f"/images/{image['id']}").content == jpeg(50)
    stream = {"Last-Event-ID": str(newest)}
    later = new.upload(jpeg(51))  # its event must not look like the next one of the old server
    with new.client.stream("GET", "/api/v1/events", headers=stream) as answer:
        assert "event: reset" in next(answer.iter_text())
    assert "webhooks.held" in new.log()
    assert ("sqlite.affected" in new.log()) is has_wal_reset_bug()
    assert len(receiver.got) == before

    receiver.statuses.clear()
    (tmp_path / "new" / "webhooks-held").unlink()
    until(lambda: len(receiver.got) > before)
    new.stop()
    sent = [json.loads(body)["data"]["image_id"] for _, _, body in receiver.got[before:]]
    assert set(sent) == {later["id"]}  # and not what waited in the backup
    new.close()
    receiver.close()


@pytest.mark.breadth
def test_an_image_that_is_deleted_meanwhile_costs_another_round(
    stocked: Server, tmp_path: Path
) -> None:
    """An upload after the copying, deleted before its blob is copied; in the third round none can.

    The server waits then; it is not asked for a deletion, which would wait for the backup.
    """
    stocked.start()
    uploaded: list[str] = []
    deleted = 0

    def disturb(step: str, done: int, total: int) -> None:
        nonlocal deleted
        if step == "copying" and done == total:
            uploaded.append(stocked.upload(jpeg(60))["id"])
        if step == "completing" and deleted < 2:
            deleted += 1
            stocked.client.delete(f"/api/v1/images/{uploaded[-1]}").raise_for_status()
            uploaded.append(stocked.upload(jpeg(60 + deleted))["id"])

    report = saved(stocked.data_dir, tmp_path / "backups", disturb)
    stocked.stop()

    assert (report.rounds, report.faults) == (3, {})
    copy = restored(tmp_path / "backups", tmp_path / "new")
    assert copy.cli("check").returncode == 0
    assert {path.name for path in (tmp_path / "new" / "blobs").rglob("*") if path.is_file()} == (
        rows(stocked.data_dir, "SELECT sha256 FROM blobs")
    )
    copy.close()


LOCKED = """
import fcntl, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
try:
    fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, int(sys.argv[2], 16))
except BlockingIOError:
    sys.exit(3)
"""


def test_all_digests_can_be_locked(tmp_path: Path) -> None:
    """The first and the last offset; both are free again afterwards."""
    path = tmp_path / "blobs.lock"

    def tried() -> list[int]:
        ends = ("0" * 12, "f" * 12)
        return [
            subprocess.run([sys.executable, "-c", LOCKED, path, end], check=False).returncode
            for end in ends
        ]

    async def work() -> None:
        locks = DigestLocks(path)
        async with locks.hold_all():
            assert await asyncio.to_thread(tried) == [3, 3]
        assert await asyncio.to_thread(tried) == [0, 0]
        locks.close()

    asyncio.run(work())


def test_damaged_originals_are_named_and_all_else_is_saved(stocked: Server, tmp_path: Path) -> None:
    """A snapshot without them is better than none; old ones stay, and the status is 1."""
    place = tmp_path / "backups"
    old = saved(stocked.data_dir, place).snapshot
    path = blob(stocked.data_dir)
    (place / blob_key(Digest(path.name))).unlink()
    path.write_bytes(b"damaged")

    done = stocked.cli("backup", str(place), "--keep", "1s")

    assert done.returncode == 1, done.stderr
    assert f"damaged: {path.name}" in done.stdout
    assert len(asyncio.run(whole_snapshots_in(FolderDestination(place)))) == 2
    assert (place / "snapshots" / old).is_dir()
    assert not (place / blob_key(Digest(path.name))).exists()
    assert not (stocked.data_dir / "last-backup").exists()


def test_old_snapshots_and_their_blobs_are_removed(stocked: Server, tmp_path: Path) -> None:
    """The newest one stays however old it is, and so do the blobs of those that stay."""
    place = tmp_path / "backups"
    destination = FolderDestination(place)
    saved(stocked.data_dir, place, now=NOW - timedelta(days=9))
    path = blob(stocked.data_dir)
    with closing(sqlite3.connect(stocked.data_dir / "imagesvc.db")) as connection, connection:
        connection.execute("DELETE FROM images WHERE sha256 = ?", (path.name,))
        connection.execute("DELETE FROM blobs WHERE sha256 = ?", (path.name,))
    saved(stocked.data_dir, place, now=NOW - timedelta(days=8))
    unfinished = place / "snapshots" / snapshot_name(NOW) / "imagesvc.db"
    unfinished.parent.mkdir()
    unfinished.touch()

    removed = asyncio.run(remove_old(destination, timedelta(days=7), NOW))

    assert (removed.snapshots, removed.blobs) == (2, 1)
    assert [it.name for it in (place / "snapshots").iterdir()] == [
        snapshot_name(NOW - timedelta(days=8))
    ]
    assert not (place / blob_key(Digest(path.name))).exists()
    restored(place, tmp_path / "new").close()


def test_verification_finds_what_has_changed(stocked: Server, tmp_path: Path) -> None:
    """A bit of a blob, a lost blob, and a database that was cut off."""
    place = tmp_path / "backups"
    name = saved(stocked.data_dir, place).snapshot
    flipped, lost = blob(place), blob(place, 1)
    content = flipped.read_bytes()
    flipped.write_bytes(content[:9] + bytes([content[9] ^ 1]) + content[10:])
    # The next backup would copy it again: its row is gone there.
    with closing(sqlite3.connect(stocked.data_dir / "imagesvc.db")) as connection, connection:
        connection.execute("DELETE FROM images WHERE sha256 = ?", (lost.name,))
        connection.execute("DELETE FROM blobs WHERE sha256 = ?", (lost.name,))
    lost.unlink()
    database = place / "snapshots" / name / "imagesvc.db"
    database.write_bytes(database.read_bytes()[:-1])

    done = stocked.cli("backup", str(place), "--verify")

    assert done.returncode == 1, done.stderr
    said = done.stdout.splitlines()
    assert f"damaged: blobs/{flipped.relative_to(place / 'blobs')}" in said
    assert f"missing: blobs/{lost.relative_to(place / 'blobs')}" in said
    assert f"damaged: snapshots/{name}/imagesvc.db" in said


def test_mistaken_places_are_refused_and_not_changed(stocked: Server, tmp_path: Path) -> None:
    """Also by way of a link; nothing is written anywhere."""
    inside, full = tmp_path / "link", tmp_path / "full"
    inside.symlink_to(stocked.data_dir / "blobs")
    full.mkdir()
    (full / "notes.txt").touch()
    empty = tmp_path / "empty"
    empty.mkdir()
    for arguments, reason in (
        (("backup", f"{inside}/sub"), "inside the data directory"),
        (("backup", str(full)), "has other files, such as notes.txt"),
        (("backup", "ftp://a/b"), "a URL that begins with s3://"),
        (("backup", "s3://a"), "must name a bucket"),
    ):
        done = stocked.cli(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert reason in done.stderr
    done = commands.run("restore", str(empty), str(tmp_path / "new"))
    assert done.returncode == 2
    assert "no backup of imagesvc" in done.stderr
    saved(stocked.data_dir, tmp_path / "backups")
    for target, options, reason in (
        (full, (), "is not empty"),
        (stocked.data_dir, (), "is not empty"),
        (tmp_path / "new", ("--snapshot", "x"), "There are: 20260101T000000Z."),
    ):
        done = commands.run("restore", str(tmp_path / "backups"), str(target), *options)
        assert (done.returncode, done.stdout) == (2, "")
        assert reason in done.stderr
    assert [path.name for path in full.iterdir()] == ["notes.txt"]
    assert list(empty.iterdir()) == []
    assert not (tmp_path / "new").exists()


def test_a_kill_at_the_very_beginning_leaves_a_folder_that_can_be_used(
    stocked: Server, tmp_path: Path
) -> None:
    """Before the folder is marked as one of backups."""
    place = tmp_path / "backups"
    place.mkdir()
    (place / "imagesvc-backup.new").touch()

    assert saved(stocked.data_dir, place).copied == 3


def test_two_backups_at_once_are_refused(stocked: Server, tmp_path: Path) -> None:
    """The second says so and changes nothing."""
    place = tmp_path / "backups"
    saved(stocked.data_dir, place)
    with (place / "lock").open("rb+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = stocked.cli("backup", str(place))

    assert done.returncode == 2
    assert "Another backup" in done.stderr


def test_a_damaged_database_makes_no_snapshot(stocked: Server, tmp_path: Path) -> None:
    """What is there stays, also if the damage is in a table that no backup reads."""
    place = tmp_path / "backups"
    saved(stocked.data_dir, place)
    path = stocked.data_dir / "imagesvc.db"
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT rootpage FROM sqlite_schema WHERE name = 'api_keys'"
        (page,) = connection.execute(query).fetchone()
    content = bytearray(path.read_bytes())
    content[4096 * (page - 1) : 4096 * page] = bytes(4096)
    path.write_bytes(content)

    done = stocked.cli("backup", str(place), "--keep", "1s")

    assert done.returncode == 2
    assert "damaged" in done.stderr
    assert len(asyncio.run(whole_snapshots_in(FolderDestination(place)))) == 1
    restored(place, tmp_path / "new").close()


def test_a_damaged_backup_restores_all_else_or_says_why_not(
    stocked: Server, tmp_path: Path
) -> None:
    """A blob costs an image; the database costs the snapshot."""
    place = tmp_path / "backups"
    name = saved(stocked.data_dir, place).snapshot
    flipped = blob(place)
    flipped.write_bytes(b"damaged")

    done = commands.run("restore", str(place), str(tmp_path / "new"))

    assert done.returncode == 1
    assert f"damaged: {flipped.name}" in done.stdout
    assert "2 blobs" in done.stdout
    assert not list((tmp_path / "new" / "blobs").rglob(flipped.name))
    (place / "snapshots" / name / "imagesvc.db").write_bytes(b"damaged")
    done = commands.run("restore", str(place), str(tmp_path / "newer"))
    assert done.returncode == 2
    assert "database of the snapshot" in done.stderr
    assert not (tmp_path / "newer" / "imagesvc.db").exists()


def describe_again(file: Path) -> None:
    """Let the manifest of a snapshot fit to a file that was changed."""
    content, manifest = file.read_bytes(), file.with_name("manifest.json")
    described = json.loads(manifest.read_bytes())
    described["files"][file.name] = {
        "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()
    }  # fmt: skip
    manifest.write_text(json.dumps(described))


@pytest.mark.parametrize("line", ["../../victim 7", "/VICTIM 7", "abc", "é 1", f"{'a' * 64} -1"])
def test_a_hostile_list_of_digests_names_no_files(stock: Path, tmp_path: Path, line: str) -> None:
    """A backup may come from anywhere: nothing outside the new directory is written or removed."""
    place, victim = tmp_path / "backups", tmp_path / "victim"
    name = saved(stock, place).snapshot
    victim.write_text("kept")
    listed = place / "snapshots" / name / "digests"
    content = listed.read_bytes() + line.replace("/VICTIM", str(victim)).encode() + b"\n"
    listed.write_bytes(content)
    describe_again(listed)

    with pytest.raises(SnapshotDamaged, match="digests"):
        asyncio.run(restore(FolderDestination(place), DataDir(tmp_path / "new"), None, quiet))

    assert victim.read_text() == "kept"
    assert not (tmp_path / "new" / "imagesvc.db").exists()


HOSTILE = {
    "CREATE TRIGGER evil AFTER UPDATE ON users BEGIN DELETE FROM users; END": "trigger 'evil'",
    "CREATE TRIGGER image_search_insert2 AFTER DELETE ON image_search_data BEGIN SELECT 1; END": (
        "trigger 'image_search_insert2'"
    ),
    "PRAGMA writable_schema = ON; INSERT INTO sqlite_schema VALUES ('trigger', 'sqlite_evil', "
    "'users', 0, 'CREATE TRIGGER sqlite_evil AFTER UPDATE ON users BEGIN SELECT 1; END')": (
        "trigger 'sqlite_evil'"
    ),
    "CREATE VIEW evil AS SELECT * FROM users": "view 'evil'",
    "CREATE TABLE 'evil\x1b[31m' (a)": r"table 'evil\x1b[31m'",
    "CREATE TABLE image_search_evil (a)": "table 'image_search_evil'",
    "CREATE VIRTUAL TABLE evil USING fts5(a)": "table 'evil'",
    "PRAGMA foreign_keys = OFF; UPDATE images SET sha256 = '../../victim'": "images.sha256",
    "UPDATE blobs SET mezzanine_sha256 = x'00'": "blobs.mezzanine_sha256",
    "UPDATE blobs SET name = '../../victim'": "blobs.name",
    "UPDATE blobs SET name = sha256 || '/' || '../../../../../../../../victim11'": "blobs.name",
    f"UPDATE blobs SET mezzanine_name = '{'a' * 64}/{'b' * 32}'": "blobs.mezzanine_name",
    "UPDATE alembic_version SET version_num = '*'": "no version of its schema",
}


@pytest.mark.parametrize("change", HOSTILE)
def test_a_hostile_database_is_not_restored(stock: Path, tmp_path: Path, change: str) -> None:
    """Its triggers would run in the server, and its digests become names of files."""
    place = tmp_path / "backups"
    database = place / "snapshots" / saved(stock, place).snapshot / "imagesvc.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(change)
        connection.commit()
    describe_again(database)

    with pytest.raises(SnapshotDamaged) as caught:
        asyncio.run(restore(FolderDestination(place), DataDir(tmp_path / "new"), None, quiet))

    assert HOSTILE[change] in caught.value.detail
    assert "Nothing was restored" in caught.value.detail
    assert not list((tmp_path / "new").rglob("*.db"))
    assert not [path for path in (tmp_path / "new" / "blobs").rglob("*") if path.is_file()]


def test_restored_blobs_have_their_digests_for_names(stock: Path, tmp_path: Path) -> None:
    """They are files, whatever they were in the place of the backup."""
    place, new = tmp_path / "backups", DataDir(tmp_path / "new")
    database = place / "snapshots" / saved(stock, place).snapshot / "imagesvc.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE blobs SET name = sha256 || '/' || substr(sha256, 33)")
        connection.commit()
    describe_again(database)

    report = asyncio.run(restore(FolderDestination(place), new, None, quiet))

    with closing(sqlite3.connect(new.database)) as connection:
        (named,) = connection.execute("SELECT count(name) FROM blobs").fetchone()
    assert report.blobs > 0
    assert named == 0


def test_triggers_of_a_restored_database_have_the_text_of_this_version(
    stock: Path, tmp_path: Path
) -> None:
    """Names say nothing of what they do."""
    place, name = tmp_path / "backups", "phash_bands_delete"
    database = place / "snapshots" / saved(stock, place).snapshot / "imagesvc.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(f"DROP TRIGGER {name}")
        connection.execute(
            f"CREATE TRIGGER {name} AFTER DELETE ON blobs BEGIN DELETE FROM users; END"
        )
        connection.commit()
    describe_again(database)

    restored(place, tmp_path / "new").close()

    query = "SELECT sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name"
    assert rows(tmp_path / "new", query) == rows(stock, query)


@pytest.mark.parametrize("revision", represented(("0012", "0018"), "0018"))
def test_a_database_of_an_older_version_is_restored(tmp_path: Path, revision: str) -> None:
    """It has the tables and triggers of its revision, not the newest ones."""
    path = tmp_path / "old.db"
    engine = sqlite_engine(path)
    with engine.connect() as connection, transaction(connection):
        upgrade(connection, revision)
    engine.dispose()

    require_own(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        before = old.execute("SELECT name FROM sqlite_schema ORDER BY name").fetchall()
        renew_triggers(old)
        after = old.execute("SELECT name FROM sqlite_schema ORDER BY name").fetchall()

    assert after == before


@pytest.mark.parametrize(
    "change", [{"files": {}}, {"imagesvc": "\x1b[31mX"}, {"schema_revision": "a b"}]
)
def test_a_hostile_manifest_is_damaged(
    stock: Path, tmp_path: Path, change: dict[str, object]
) -> None:
    """Its texts are shown on terminals."""
    place = tmp_path / "backups"
    manifest = place / "snapshots" / saved(stock, place).snapshot / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_bytes()) | change))

    with pytest.raises(SnapshotDamaged, match="manifest"):
        asyncio.run(restore(FolderDestination(place), DataDir(tmp_path / "new"), None, quiet))


def test_removing_old_blobs_follows_no_links(stock: Path, tmp_path: Path) -> None:
    """A link in a backup leads to files that are no part of it."""
    place, outside = tmp_path / "backups", tmp_path / "outside"
    saved(stock, place)
    (outside / "cd").mkdir(parents=True)
    (outside / "cd" / "file").write_text("kept")
    (place / "blobs" / "zz").symlink_to(outside)

    asyncio.run(remove_old(FolderDestination(place), timedelta(days=7), NOW))

    assert (outside / "cd" / "file").read_text() == "kept"


def test_a_restore_continues_although_there_is_a_newer_snapshot(
    stock: Path, tmp_path: Path
) -> None:
    """The message of an interrupted restore says to run the same command again."""
    place, new = tmp_path / "backups", tmp_path / "new"
    begun = saved(stock, place).snapshot
    saved(stock, place, now=NOW + timedelta(days=1))
    new.mkdir()
    (new / "restore.json").write_text(json.dumps({"source": str(place), "snapshot": begun}))

    done = commands.run("restore", str(place), str(new))

    assert done.returncode == 0, done.stderr
    assert f"Restored the snapshot {begun}" in done.stdout


def test_a_snapshot_of_the_future_is_told(stock: Path, tmp_path: Path) -> None:
    """The clock was wrong when it was made: a restore takes it, and `--keep` never removes it."""
    place = tmp_path / "backups"
    future = saved(stock, place, now=utc_now() + timedelta(days=400)).snapshot

    backup = commands.run("backup", str(place), "--data-dir", str(stock))
    restored = commands.run("restore", str(place), str(tmp_path / "future"))
    made = re.search(r"Snapshot (\S+) in", backup.stdout)
    assert made
    named = commands.run("restore", str(place), str(tmp_path / "new"), "--snapshot", made[1])

    assert (backup.returncode, restored.returncode, named.returncode) == (0, 0, 0)
    assert f"The snapshot {future} is said to be later" in backup.stdout
    assert f"Restored the snapshot {future}" in restored.stdout
    assert "This snapshot is of the future" in restored.stdout
    assert "This snapshot is of the future" not in named.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for others")
def test_what_root_restores_belongs_to_the_owner_of_the_directory_above(
    stock: Path, tmp_path: Path
) -> None:
    """The server, which does not run as root, could not read it."""
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 8701, 8701)
    saved(stock, tmp_path / "backups")

    restored(tmp_path / "backups", home / "data").close()

    found = [home / "data", *(home / "data").rglob("*")]
    assert {path.stat().st_uid for path in found} == {8701}


def test_a_backup_that_fills_the_disk_of_the_data_warns(stocked: Server, tmp_path: Path) -> None:
    """Uploads are refused from then on."""
    arguments = ("backup", str(tmp_path / "backups"), "--data-dir", str(stocked.data_dir))

    warned = commands.run(*arguments, min_free_space="1000TiB")
    silent = commands.run(*arguments, min_free_space="0")

    assert (warned.returncode, silent.returncode) == (0, 0)
    assert "is on the disk of the data directory" in warned.stdout
    assert "is on the disk of the data directory" not in silent.stdout


def test_nothing_starts_on_a_directory_whose_restore_was_interrupted(
    stock: Path, tmp_path: Path
) -> None:
    """A server would make a new database, which the next run of the restore would keep."""
    place, new = tmp_path / "backups", tmp_path / "new"
    name = saved(stock, place).snapshot
    new.mkdir()
    (new / "restore.json").write_text(json.dumps({"source": str(place), "snapshot": name}))

    for command in ("serve", "stats", "doctor"):
        done = commands.run(command, "--data-dir", str(new))
        assert done.returncode != 0, command
        assert "was interrupted" in done.stdout + done.stderr, command
    assert [path.name for path in new.iterdir() if path.name != "server.lock"] == ["restore.json"]

    server = restored(place, new)
    assert len(rows(new, "SELECT id FROM images")) == 3
    server.close()
