"""`imagesvc backup` of what nodes share, and `imagesvc restore` after the loss of all of it."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from imagesvc.errors import Unavailable
from imagesvc.library.backup.backup import back_up
from imagesvc.library.backup.destination import Destination
from imagesvc.library.backup.folder import FolderDestination
from imagesvc.library.backup.restore import restore
from imagesvc.library.backup.shared import SharedSource, shared_source
from imagesvc.library.backup.snapshots import snapshots_in
from imagesvc.library.backup.source import RowsOfMoment
from imagesvc.store.db.postgres.database import PostgresDatabase
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.locks import NoLocks
from imagesvc.store.objects.blobs import ObjectBlobStore
from imagesvc.store.objects.downloads import DownloadCache
from imagesvc.store.objects.opening import open_blob_bucket
from tests import commands
from tests.conftest import EMPTY
from tests.databases import SECRET
from tests.http.asking import picture
from tests.postgres import Postgres
from tests.radosgw import CREDENTIALS, Radosgw
from tests.server import Server, Worker
from tests.waiting import until

pytestmark = pytest.mark.cluster


@pytest.fixture
def server(tmp_path: Path, postgres: Postgres, radosgw: Radosgw) -> Iterator[Server]:
    """A running server with nothing of its own."""
    os.environ.update(CREDENTIALS)
    with postgres.copy_of(EMPTY) as url:
        made = Server(
            tmp_path / "data", database_url=url.replace("+psycopg", ""), secret_key=SECRET,
            blob_url=radosgw.new_url(), eager_presets='["thumbnail"]',
        )  # fmt: skip
        yield made.start()
        made.close()


def saved(server: Server, place: Path) -> subprocess.CompletedProcess[str]:
    """A backup by a machine that has nothing."""
    names = ("database_url", "secret_key", "blob_url")
    settings: dict[str, Any] = {name: server.settings[name] for name in names}
    elsewhere = place.with_name("elsewhere")
    done = commands.run("backup", str(place), "--verify", "--data-dir", str(elsewhere), **settings)
    assert not [
        path for path in elsewhere.rglob("*") if path.is_file() and "downloads" in str(path)
    ]
    return done


def test_all_is_back_after_the_loss_of_the_database_and_the_bucket(
    server: Server, postgres: Postgres, radosgw: Radosgw, tmp_path: Path
) -> None:
    """In a data directory, and in PostgreSQL and a bucket again; only new originals are copied."""
    worker = Worker(tmp_path / "data", **server.settings).start()
    originals = {server.upload(picture(number), filename=f"n{number}.jpg")["id"]: picture(number)
                 for number in range(4)}  # fmt: skip
    [analysed, *_] = originals
    until(lambda: server.client.get(f"/api/v1/images/{analysed}").json()["thumbhash"])
    signed = server.client.get(f"/api/v1/images/{analysed}").json()
    first = saved(server, tmp_path / "backup")
    assert first.returncode == 0, first.stdout + first.stderr
    originals[server.upload(picture(9))["id"]] = picture(9)
    second = saved(server, tmp_path / "backup")
    assert second.returncode == 0, second.stdout + second.stderr
    assert "1 of them new" in second.stdout
    listed = server.client.get("/api/v1/images?q=n2").json()["data"]
    assert len(listed) == 1
    worker.close()
    server.stop()

    target = tmp_path / "restored"
    done = commands.run("restore", str(tmp_path / "backup"), str(target))
    assert done.returncode == 0, done.stdout + done.stderr
    with closing(Server(target)) as copy:
        assert copy.cli("check").stdout.endswith("sound\n")
        copy.start()
        for image_id, content in originals.items():
            assert copy.client.get(f"/images/{image_id}").content == content
        found = copy.client.get("/api/v1/images?q=n2").json()["data"]
        assert [image["id"] for image in found] == [image["id"] for image in listed]
        again = copy.client.get(f"/api/v1/images/{analysed}").json()
        assert {**again, "variants": []} == {**signed, "variants": []}
        copy.stop()

    with postgres.copy_of(EMPTY) as url:
        settings: dict[str, Any] = {
            "database_url": url.replace("+psycopg", ""), "secret_key": SECRET,
            "blob_url": radosgw.new_url(),
        }  # fmt: skip
        moved = commands.run("migrate", "--from", str(target), **settings)
        assert moved.returncode == 0, moved.stdout + moved.stderr
        with closing(Server(tmp_path / "new", **settings)) as node:
            node.start()
            for image_id, content in originals.items():
                assert node.client.get(f"/images/{image_id}").content == content


def test_a_backup_into_the_bucket_of_the_originals_is_refused(server: Server) -> None:
    url = str(server.settings["blob_url"]).replace("?", "/backup?", 1)
    names = ("database_url", "secret_key", "blob_url")
    settings: dict[str, Any] = {name: server.settings[name] for name in names}

    done = commands.run("backup", url, "--data-dir", str(server.data_dir), **settings)

    assert done.returncode == 2
    assert "has the originals" in done.stderr


class Hasty:
    """At each moment there is a new image, which is deleted as soon as that can be."""

    def __init__(self, source: SharedSource, server: Server) -> None:
        self.images, self.blobs, self.locks = source.images, source.blobs, source.locks
        self.known, self.secret = source.known, source.secret
        self._source = source
        self._server = server
        self.made: list[str] = []
        self.deleting: list[asyncio.Future[None]] = []

    @asynccontextmanager
    async def moment(self, staged: Path, *, are_blobs_kept: bool) -> AsyncIterator[RowsOfMoment]:
        """See `Source`."""
        number = 50 + len(self.made)
        image = await asyncio.to_thread(self._server.upload, picture(number))
        self.made.append(image["id"])
        async with self._source.moment(staged, are_blobs_kept=are_blobs_kept) as rows:
            deletion = asyncio.ensure_future(asyncio.to_thread(self.delete, image["id"]))
            self.deleting.append(deletion)
            if are_blobs_kept:
                await asyncio.to_thread(until, self.is_ready)
            else:
                await deletion
            yield rows

    def delete(self, image_id: str) -> None:
        """Delete an image for good."""
        answer = self._server.client.delete(f"/api/v1/images/{image_id}")
        assert answer.status_code == 204, answer.text

    def is_ready(self) -> bool:
        """Whether the copy of the last moment may begin: a deletion waits for it."""
        return self.is_waiting()

    def is_waiting(self) -> bool:
        """Whether something waits for a lock of a table."""
        query = "SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation'"
        with psycopg.connect(self._server.settings["database_url"]) as connection:
            return connection.execute(query).fetchone() != (0,)


class Interrupted(Hasty):
    """PostgreSQL ends the session for which the last deletion waits."""

    def is_ready(self) -> bool:
        """Whether that image is deleted."""
        if self.is_waiting():
            with psycopg.connect(self._server.settings["database_url"]) as connection:
                connection.execute(END_KEEPING)
        return self.deleting[-1].done()


END_KEEPING = (
    "SELECT pg_terminate_backend(pid) FROM pg_locks "
    "WHERE relation = 'blobs'::regclass AND mode = 'ShareLock' AND granted"
)


@asynccontextmanager
async def opened(server: Server, place: Path) -> AsyncIterator[tuple[SharedSource, Destination]]:
    """What a backup beside a server reads and writes."""
    data_dir = DataDir(place / "elsewhere")
    data_dir.create()
    database = PostgresDatabase(server.settings["database_url"])
    bucket = open_blob_bucket(server.settings["blob_url"])
    blobs = ObjectBlobStore(bucket, DownloadCache(data_dir.downloads, 0))
    destination = FolderDestination(place / "backup")
    await destination.prepare()
    async with shared_source(database, data_dir, blobs, NoLocks(), b"x" * 32) as source:
        yield source, destination
    await database.close()


@pytest.mark.anyio
async def test_a_backup_that_loses_its_lock_makes_no_snapshot(
    server: Server, tmp_path: Path
) -> None:
    """Nothing keeps an original of the last moment then."""
    async with opened(server, tmp_path) as (source, destination):
        interrupted = Interrupted(source, server)
        with pytest.raises(Unavailable, match="repeat the backup"):
            await back_up(interrupted, destination, lambda *_: None)
        await asyncio.gather(*interrupted.deleting)

        assert not await snapshots_in(destination)
        report = await back_up(source, destination, lambda *_: None)
        assert (report.rounds, report.faults) == (1, {})


@pytest.mark.anyio
async def test_deletions_during_a_backup_leave_no_image_without_its_original(
    server: Server, tmp_path: Path
) -> None:
    """A snapshot that has lost one is made again; at last, a deletion waits for the copy."""
    kept = server.upload(picture(1))["id"]

    async with opened(server, tmp_path) as (source, destination):
        hasty = Hasty(source, server)
        report = await back_up(hasty, destination, lambda *_: None)
        await asyncio.gather(*hasty.deleting)

    assert (report.rounds, report.faults, report.blobs) == (3, {}, 2)
    await restore(destination, DataDir(tmp_path / "restored"), None, lambda *_: None)
    last = hasty.made[-1]
    assert server.client.get(f"/images/{last}").status_code == 404
    with closing(Server(tmp_path / "restored").start()) as copy:
        assert copy.client.get(f"/images/{kept}").content == picture(1)
        assert copy.client.get(f"/images/{last}").content == picture(52)
        assert copy.client.get("/api/v1/images").json()["data"][1]["id"] == kept
