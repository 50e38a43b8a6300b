"""The mark of a bucket keeps an installation from removing the originals of another."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from imagesvc.store.objects.mark import KEY
from tests import buckets, commands
from tests.conftest import EMPTY
from tests.cut_proxy import cut_proxy
from tests.databases import SECRET
from tests.http.asking import picture
from tests.postgres import Postgres
from tests.radosgw import Radosgw
from tests.server import Server, Worker
from tests.waiting import until

pytestmark = pytest.mark.cluster
OTHER = "that of another installation"
UNKNOWN = "the database none of their images"


class Place:
    """A bucket with the original of one image, and what uses it."""

    def __init__(self, folder: Path, owner_url: str, other_url: str, blob_url: str) -> None:
        self.folder = folder
        self.blob_url = blob_url
        self.owner = self.settings(owner_url)
        self.other = self.settings(other_url)
        """The same bucket with an empty database."""
        server = Server(folder / "owner", **self.owner, eager_presets="[]").start()
        self.server = server
        server.finished(server.upload(picture(1))["job"]["id"])
        self.objects = self.stored()

    def settings(self, url: str) -> dict[str, Any]:
        """Those of a node."""
        plain = url.replace("+psycopg", "")
        return {"database_url": plain, "secret_key": SECRET, "blob_url": self.blob_url}

    def stored(self) -> dict[str, Any]:
        """All objects, with the times at which they were written."""
        return buckets.objects_in(self.blob_url, "")

    def run(self, *command: str, **settings: Any) -> CompletedProcess[str]:
        """A command on the empty database."""
        folder = str(self.folder / "other")
        return commands.run(*command, **{**self.other, "data_dir": folder, **settings})

    def finding(self, settings: dict[str, Any]) -> tuple[str, str]:
        """What `imagesvc doctor` says of the bucket."""
        done = self.run("doctor", "--json", **settings)
        (found,) = [it for it in json.loads(done.stdout) if it["name"] == "bucket"]
        return found["level"], found["text"]

    def started_as_other(self) -> str:
        """Start a server on the empty database; returns why that fails."""
        done = self.run("serve", "--port", "0")
        assert done.returncode != 0
        return done.stdout + done.stderr


@pytest.fixture
def place(tmp_path: Path, postgres: Postgres, radosgw: Radosgw) -> Iterator[Place]:
    """Its server runs."""
    with postgres.copy_of(EMPTY) as owner, postgres.copy_of(EMPTY) as other:
        made = Place(tmp_path, owner, other, radosgw.new_url())
        yield made
        made.server.close()


def test_an_empty_database_does_not_take_the_bucket_of_another(place: Place) -> None:
    """Nothing starts on it, and nothing is removed; the owner goes on."""
    assert KEY in place.objects
    assert OTHER in place.started_as_other()

    collected = place.run("gc", "--grace", "0s")
    assert (collected.returncode, OTHER in collected.stderr) == (2, True)
    worked = place.run("worker")
    assert (worked.returncode, OTHER in worked.stderr) == (2, True)
    level, said = place.finding(place.other)
    assert (level, OTHER in said) == ("error", True)
    assert place.finding(place.owner)[0] == "ok"

    assert place.stored() == place.objects
    assert place.server.upload(picture(2))["status"]
    assert place.run("gc", **place.owner).returncode == 0


def test_a_bucket_of_before_belongs_to_the_database_that_names_its_originals(place: Place) -> None:
    """It has no mark until then. Doctor changes nothing."""
    place.server.stop()
    buckets.remove(place.blob_url, KEY)

    assert UNKNOWN in place.started_as_other()
    assert UNKNOWN in place.finding(place.other)[1]
    assert place.finding(place.owner)[0] == "ok"
    assert KEY not in place.stored()

    with closing(Server(place.folder / "owner", **place.owner)) as again:
        assert again.start().client.get("/readyz").status_code == 200
        assert KEY in place.stored()
        assert OTHER in place.started_as_other()


def test_a_database_without_tables_is_no_finding_about_the_bucket(
    place: Place, postgres: Postgres
) -> None:
    """As before an upgrade has migrated it: another finding says so."""
    with postgres.copy_of("template1") as url:
        assert place.finding(place.settings(url))[0] == "ok"


def test_an_empty_bucket_does_not_take_the_place_of_originals_elsewhere(
    place: Place, radosgw: Radosgw
) -> None:
    """They may be in files, or in the bucket of before; if they are lost, operators can say so."""
    place.server.stop()
    settings = {**place.owner, "blob_url": radosgw.new_url()}

    done = place.run("serve", "--port", "0", **settings)

    said = "the bucket of blob_url no originals"
    assert (done.returncode, said in done.stderr) == (3, True), done.stderr
    assert buckets.objects_in(settings["blob_url"], "") == {}
    assert said in place.finding(settings)[1]
    (given,) = re.findall("store the text ([0-9a-f-]{36}) as", done.stderr)
    buckets.store(settings["blob_url"], KEY, given.encode())
    with closing(Server(place.folder / "owner", **settings)) as again:
        assert again.start().client.get("/readyz").status_code == 200


def test_a_start_without_the_bucket_takes_uploads_once_it_has_asked(
    place: Place, radosgw: Radosgw
) -> None:
    """Of its own bucket then, and never those of another."""
    with cut_proxy(radosgw.port) as network:
        url = place.blob_url.replace(f"127.0.0.1:{radosgw.port}", network.address.split("//")[1])
        network.refuse()
        own = Server(place.folder / "own", **{**place.owner, "blob_url": url})
        other = Server(place.folder / "other", **{**place.other, "blob_url": url})
        with closing(own), closing(other), ThreadPoolExecutor(2) as threads:
            for server in threads.map(lambda server: server.start("/healthz"), (own, other)):
                assert server.lines(action="bucket.not_checked")
            network.heal()

            until(lambda: own.client.get("/readyz").status_code == 200)
            assert own.upload(picture(3))["id"]
            until(lambda: other.lines(action="bucket.of_another"))
            assert other.client.get("/readyz").status_code == 503
            files = {"file": ("a.jpg", picture(4), "image/jpeg")}
            refused = other.client.post("/api/v1/images", files=files)
            assert (refused.status_code, "another" in refused.text) == (503, False)
    assert set(place.stored()) >= set(place.objects)
    assert len([key for key in place.stored() if key.startswith("blobs/")]) == 2


def test_a_worker_waits_for_the_first_server_on_a_database(place: Place, radosgw: Radosgw) -> None:
    """It may start before; then it makes no id, so that an installation can still move there."""
    settings = {**place.other, "blob_url": radosgw.new_url()}
    with closing(Worker(place.folder / "other", **settings)) as worker:
        worker.start()
        until(lambda: worker.lines(action="bucket.not_checked"))
        assert rows(settings["database_url"], "installation") == 0
        collected = place.run("gc", "--grace", "0s", blob_url=settings["blob_url"])
        assert (collected.returncode, "No server has started" in collected.stderr) == (2, True)

        with closing(Server(place.folder / "other", **settings, has_worker=False)) as server:
            image = server.start().upload(picture(5))
            assert server.finished(image["job"]["id"])["status"] == "succeeded"
            until(lambda: worker.lines(action="bucket.checked"))


def rows(url: str, table: str) -> int:
    """How many rows a table has."""
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    with closing(engine.connect()) as connection:
        count = connection.scalar(text(f"SELECT count(*) FROM {table}"))
    engine.dispose()
    return int(count or 0)


def test_a_restored_installation_does_not_take_the_bucket_of_its_original(place: Place) -> None:
    """Unless that is lost, and its mark was removed by hand: then the originals are used again."""
    backup, restored = place.folder / "backup", place.folder / "restored"
    assert place.run("backup", str(backup), **place.owner).returncode == 0
    assert commands.run("restore", str(backup), str(restored)).returncode == 0
    (image,) = place.server.client.get("/api/v1/images").json()["data"]
    place.server.upload(picture(6))
    place.server.stop()
    before = place.stored()

    refused = place.run("migrate", "--from", str(restored))
    assert (refused.returncode, OTHER in refused.stderr) == (2, True), refused.stderr
    assert place.stored() == before

    buckets.remove(place.blob_url, KEY)
    moved = place.run("migrate", "--from", str(restored))
    assert moved.returncode == 0, moved.stderr
    shutil.rmtree(place.folder / "other", ignore_errors=True)
    with closing(Server(place.folder / "other", **place.other)) as server:
        found = server.start().client.get(f"/images/{image['id']}")
        assert (found.status_code, found.content) == (200, picture(1))
