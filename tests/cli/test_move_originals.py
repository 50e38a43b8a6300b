"""The move of a data directory's originals to a bucket, and then of its metadata to PostgreSQL."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text

from imagesvc.errors import Unavailable
from imagesvc.store.db.sqlite.write_lock import WriteLock
from tests import commands
from tests.buckets import objects_in
from tests.cli.test_move import digests, move, settings_for
from tests.conftest import EMPTY
from tests.crash.pictures import large, png
from tests.cut_proxy import cut_proxy
from tests.http.asking import picture
from tests.postgres import Postgres
from tests.radosgw import Radosgw
from tests.server import Server
from tests.waiting import until

pytestmark = pytest.mark.cluster

Objects = dict[str, datetime]
"""When each object was written, by its name."""


@dataclass(slots=True)
class Installation:
    """A running server on a data directory, and where it moves."""

    server: Server
    target: Engine
    blob_url: str

    def move(self, *arguments: str) -> Any:
        """Run the command."""
        return move(self.server, self.target, *arguments, blob_url=self.blob_url)

    @contextmanager
    def moving(self, *arguments: str) -> Iterator[None]:
        """Run the command, and kill it after the context."""
        settings: dict[str, Any] = {
            "data_dir": str(self.server.data_dir), "blob_url": self.blob_url,
        }  # fmt: skip
        with Path(os.devnull).open("r+b") as nothing:
            process = commands.start(
                "migrate", "--from", str(self.server.data_dir), *arguments,
                directory=self.server.data_dir.parent, streams=(nothing, nothing, nothing),
                **settings, **settings_for(self.server, self.target),
            )  # fmt: skip
        try:
            yield
            assert process.poll() is None, "it ended"
        finally:
            process.kill()
            process.wait()

    def objects(self) -> Objects:
        """The originals in the bucket."""
        return objects_in(self.blob_url, "blobs")

    def rows(self) -> list[int]:
        """How many images PostgreSQL has."""
        with self.target.connect() as connection:
            return list(connection.scalars(text("SELECT count(*) FROM images")))

    def path(self, digest: str) -> Path:
        """The file of a blob."""
        return self.server.data_dir / "blobs" / digest[:2] / digest[2:4] / digest

    @contextmanager
    def moved(self) -> Iterator[Server]:
        """A server with the new settings, and an empty data directory."""
        self.server.stop()
        settings = settings_for(self.server, self.target)
        place = self.server.data_dir.parent / "other"
        node = Server(place, blob_url=self.blob_url, **settings)
        try:
            yield node.start()
        finally:
            node.close()


@pytest.fixture
def installation(tmp_path: Path, postgres: Postgres, radosgw: Radosgw) -> Iterator[Installation]:
    """A server without images."""
    server = Server(tmp_path / "data", database_url=None, secret_key=None, blob_url=None).start()
    with postgres.copy_of(EMPTY) as url:
        engine = create_engine(url)
        yield Installation(server, engine, radosgw.new_url())
        engine.dispose()
    server.close()


def hide(path: Path) -> Path:
    """Put a pipe in the place of a file: what opens it waits. Returns where the file is."""
    hidden = path.rename(path.parents[4] / f"{path.name}.hidden")
    os.mkfifo(path)
    return hidden


def reveal(path: Path, hidden: Path) -> None:
    """Put the file back; what waits for it reads nothing, and finds it damaged."""
    old = path.rename(path.parents[4] / f"{path.name}.pipe")
    hidden.rename(path)
    os.close(os.open(old, os.O_RDWR | os.O_NONBLOCK))
    old.unlink()


def is_locked(server: Server) -> bool:
    """Whether a command keeps the server from writing."""
    lock = WriteLock(server.data_dir / "imagesvc.db", timeout=0)
    with contextlib.closing(lock), contextlib.suppress(Unavailable), lock.hold():
        return False
    return True


def add(server: Server, images: dict[str, bytes], content: bytes) -> dict[str, Any]:
    """Upload an image, whose job has ended; note its original."""
    image = server.upload(content)
    server.finished(image["job"]["id"])
    images[image["id"]] = content
    return image


def contents(server: Server, images: dict[str, bytes]) -> dict[str, bytes]:
    """What a server delivers as their originals."""
    return {image_id: server.client.get(f"/images/{image_id}").content for image_id in images}


def test_originals_move_and_stay_what_they_are(installation: Installation) -> None:
    """Those sent in parts too, and mezzanines; variants are made again."""
    server = installation.server
    images: dict[str, bytes] = {}
    small = add(server, images, picture(1))
    add(server, images, png(1, 1500, 1200))
    photograph = add(server, images, large(2))
    url = f"/images/{photograph['id']}?w=300"
    made = server.client.get(url).content
    blobs = server.blobs()
    assert len(blobs) > len(images), "no mezzanine"

    done = installation.move()

    assert done.returncode == 0, done.stderr
    assert f"{len(blobs)} originals and mezzanines" in done.stdout
    before = installation.objects()
    assert set(before) == blobs
    assert contents(server, images) == images
    assert server.client.post("/images", content=picture(7)).status_code == 503
    again = installation.move()
    assert (again.returncode, "were moved before" in again.stdout) == (0, True)
    assert installation.objects() == before, "sent again"
    with installation.moved() as node:
        checked = commands.run(
            "check",
            data_dir=str(node.data_dir),
            **settings_for(server, installation.target),
            blob_url=installation.blob_url,
        )
        assert (checked.returncode, f"{len(blobs)} blobs verified" in checked.stdout) == (0, True)
        assert contents(node, images) == images
        assert node.client.get(url).content == made
        assert node.client.get(f"/images/{small['id']}/thumbnail").status_code == 200
        assert node.client.delete(f"/api/v1/images/{small['id']}").status_code == 204
        assert node.upload(picture(1))["sha256"] == small["sha256"]


def test_a_move_killed_at_each_step_goes_on(installation: Installation) -> None:
    """The server writes on until the rows move; what the bucket has is not sent again."""
    server, target = installation.server, installation.target
    images: dict[str, bytes] = {}
    first, *_ = [add(server, images, picture(number))["sha256"] for number in range(3)]

    hidden = hide(installation.path(first))
    with installation.moving():
        until(lambda: set(installation.objects()) == server.blobs() - {first})
    between = add(server, images, picture(8))["sha256"]
    before = installation.objects()

    with installation.moving("--without-damaged"):
        until(lambda: between in installation.objects())
        late = add(server, images, picture(3))["sha256"]
        hidden_too = hide(installation.path(late))
        reveal(installation.path(first), hidden)
        until(lambda: first in installation.objects() and is_locked(server))
    reveal(installation.path(late), hidden_too)
    add(server, images, picture(4))
    assert late not in installation.objects()
    before |= {first: installation.objects()[first]}

    with target.connect() as other, target.connect() as watcher:
        other.execute(text("LOCK TABLE jobs IN EXCLUSIVE MODE"))
        with installation.moving():
            until(lambda: watcher.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))
    add(server, images, picture(5))
    assert installation.rows() == [0]

    lock = WriteLock(server.data_dir / "imagesvc.db")
    with lock.hold():
        lock.note_move()
    lock.close()
    assert installation.move().returncode == 0
    assert digests(server, target)[0] == digests(server, target)[1]
    objects = installation.objects()
    assert set(objects) == server.blobs()
    assert {name: objects[name] for name in before} == before, "sent again"
    with installation.moved() as node:
        assert contents(node, images) == images


def test_a_move_that_loses_its_lock_ends(installation: Installation, radosgw: Radosgw) -> None:
    """A server on the new database might remove what it has copied; the old one goes on."""
    server, target = installation.server, installation.target
    images: dict[str, bytes] = {}
    add(server, images, picture(1))
    with cut_proxy(radosgw.port) as to_bucket, ThreadPoolExecutor(1) as threads:
        installation.blob_url = radosgw.new_url(endpoint=to_bucket.address)
        to_bucket.hang()
        moving = threads.submit(installation.move)
        with target.connect() as other:
            until(lambda: other.scalar(text(END_LOCK)))
        ended = moving.result()
        assert (ended.returncode, "Run the command again" in ended.stderr) == (2, True), ended
        to_bucket.heal()
        add(server, images, picture(2))
        assert installation.rows() == [0]

        assert installation.move().returncode == 0
        with installation.moved() as node:
            assert contents(node, images) == images


END_LOCK = (
    "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_database ON oid = database "
    "WHERE datname = current_database() AND locktype = 'advisory' AND granted "
    "AND objid = hashtext('imagesvc leader')::bit(32)::bigint::oid"
)


def test_what_is_missing_or_damaged_is_named_and_the_rest_moves(
    installation: Installation,
) -> None:
    """Not the rows, unless that is wanted: until then, the server goes on."""
    server = installation.server
    images: dict[str, bytes] = {}
    missing, damaged, sound = [add(server, images, picture(number)) for number in range(3)]
    installation.path(missing["sha256"]).unlink()
    installation.path(damaged["sha256"]).write_bytes(picture(9))

    refused = installation.move()

    assert refused.returncode == 1, refused.stderr
    for reason, image in (("missing", missing), ("damaged", damaged)):
        named = f"{reason}: {image['sha256']}: original of image {image['id']} (a.jpg)"
        assert named in refused.stdout
    assert set(installation.objects()) == {sound["sha256"]}
    assert installation.rows() == [0]
    add(server, images, picture(4))
    accepted = installation.move("--without-damaged")
    assert accepted.returncode == 0, accepted.stderr
    assert "2 are not there" in accepted.stdout
    assert installation.rows() == [4]
    with installation.moved() as node:
        assert node.client.get(f"/images/{missing['id']}").status_code == 404
        node.upload(picture(0))
        del images[damaged["id"]]
        assert contents(node, images) == images
