"""`imagesvc check` of a database that nodes share, and of its bucket, while a node runs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from imagesvc.store.db.postgres.database import PostgresDatabase
from imagesvc.store.db.postgres.soundness import faults_of, lost_parents_of
from imagesvc.store.objects.opening import open_blob_bucket
from tests import commands
from tests.conftest import EMPTY
from tests.databases import SECRET
from tests.http.asking import picture
from tests.postgres import Postgres
from tests.radosgw import CREDENTIALS, Radosgw
from tests.server import Server

pytestmark = pytest.mark.cluster
LOST = ["2 rows of job_operations point at no row of jobs"]
NEVER = "00000000-0000-7000-8000-000000000000"


class Stock:
    """A running server, and what is below it."""

    def __init__(self, place: Path, database_url: str, blob_url: str) -> None:
        url = database_url.replace("+psycopg", "")
        self.settings: dict[str, Any] = {
            "database_url": url,
            "secret_key": SECRET,
            "blob_url": blob_url,
        }
        self.server = Server(place / "data", **self.settings).start()
        self.images = [self.server.upload(picture(number)) for number in range(3)]
        self.bucket = open_blob_bucket(blob_url)
        self.engine = create_engine(database_url)
        self._elsewhere = place / "elsewhere"

    def check(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run the command on a machine that has nothing."""
        return commands.run("check", *options, "--data-dir", str(self._elsewhere), **self.settings)

    def key(self, number: int) -> str:
        """The object of an image."""
        query = text("SELECT name FROM blobs WHERE sha256 = :digest")
        with self.engine.connect() as connection:
            name = connection.scalar(query, {"digest": self.images[number]["sha256"]})
        return f"blobs/{name}"

    def close(self) -> None:
        """End it."""
        self.server.close()
        self.engine.dispose()


@pytest.fixture
def stock(tmp_path: Path, postgres: Postgres, radosgw: Radosgw) -> Iterator[Stock]:
    """A server with three images."""
    os.environ.update(CREDENTIALS)
    with postgres.copy_of(EMPTY) as url:
        made = Stock(tmp_path, url, radosgw.new_url())
        yield made
        made.close()


@pytest.mark.anyio
async def test_damage_of_a_bucket_is_named_set_aside_and_healed_by_uploads(stock: Stock) -> None:
    """An object without a row is none as long as its upload may be in progress."""
    await stock.bucket.put(f"blobs/{'ab' * 32}/{'0' * 32}", b"half an upload")
    sound = stock.check()
    assert (sound.returncode, sound.stderr) == (0, "")
    assert sound.stdout.splitlines()[0].startswith("3 blobs verified")
    assert "without a row" not in sound.stdout

    damaged, cut, gone = (stock.key(number) for number in range(3))
    await stock.bucket.put(damaged, picture(0)[:-1] + b"!")
    await stock.bucket.put(cut, picture(1)[:-1])
    await stock.bucket.delete([gone])
    found = stock.check()
    assert found.returncode == 1
    lines = found.stdout.splitlines()
    for key, fault, image in zip(
        (damaged, cut, gone), ("damaged", "damaged", "missing"), stock.images, strict=True
    ):
        [line] = [line for line in lines if key in line]
        assert line.startswith(f"{fault}: s3://")
        assert f'original of image {image["id"]} "' in line
    assert lines[0].startswith("0 blobs verified")
    assert await stock.bucket.find(damaged) is not None, "nothing is changed without --repair"

    assert stock.check("--repair").returncode == 1
    assert await stock.bucket.find(damaged) is None
    kept = damaged.replace("blobs/", "quarantine/")
    assert await stock.bucket.read(kept) == picture(0)[:-1] + b"!"
    for number, image in enumerate(stock.images):
        stock.server.upload(picture(number))
        assert stock.server.client.get(f"/images/{image['id']}").content == picture(number)
    assert stock.check().returncode == 0


def test_nothing_is_said_of_blobs_when_there_is_no_bucket(stock: Stock, radosgw: Radosgw) -> None:
    """They are not missing: the check was not possible."""
    stock.settings["blob_url"] = radosgw.url("test-missing")

    checked = stock.check()

    assert checked.returncode == 2
    assert "there is no such bucket" in checked.stderr
    assert "missing:" not in checked.stdout


@pytest.mark.anyio
async def test_tables_that_cannot_be_read_and_lost_rows_are_named(postgres: Postgres) -> None:
    with postgres.copy_of(EMPTY) as url:
        database = PostgresDatabase(url)
        assert (await faults_of(database), await lost_parents_of(database)) == ([], [])
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text("SET session_replication_role = replica"))
            lost = (
                "INSERT INTO job_operations (job_id, position, transform, status) "
                "VALUES (:job, 0, '', ''), (:job, 1, '', '')"
            )
            connection.execute(text(lost), {"job": NEVER})
            path = connection.scalar(text("SELECT pg_relation_filepath('webhooks')"))
        assert await lost_parents_of(database) == LOST

        (postgres.folder / "data" / str(path)).write_bytes(b"\x01" * 8192)
        [fault] = await faults_of(database)
        assert fault.startswith("the table webhooks cannot be read whole: invalid page in block 0")
        engine.dispose()
        await database.close()
