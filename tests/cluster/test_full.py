"""PostgreSQL or a bucket that takes no changes, because it is full or only reads."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from tests import commands
from tests.cluster.conftest import Nodes
from tests.conftest import EMPTY
from tests.crash.test_full_disk import Disk, mounted
from tests.http.asking import assert_problem, picture
from tests.postgres import Postgres
from tests.radosgw import Radosgw
from tests.server import Server
from tests.waiting import until

pytestmark = pytest.mark.cluster


@pytest.fixture
def disk(postgres: Postgres) -> Iterator[Disk]:
    """A small one for a database of PostgreSQL."""
    root = postgres.folder / "small"
    root.mkdir()
    with mounted(root, "size=32m"):
        yield Disk(root)
    root.rmdir()


@pytest.fixture
def small(postgres: Postgres, disk: Disk, tmp_path: Path) -> Iterator[Nodes]:
    """The servers of a database on it."""
    folder = disk.root / "space"
    folder.mkdir()
    with postgres.copy_in(folder, EMPTY) as url, contextlib.closing(Nodes(tmp_path, url)) as nodes:
        yield nodes


def checked(server: Server, purpose: str = "writes") -> tuple[int, dict[str, Any]]:
    """The status of its readiness, and what it says."""
    answer = server.client.get("/readyz", params={"for": purpose})
    return answer.status_code, answer.json()


def test_a_full_postgresql_is_reported_until_it_has_room(
    small: Nodes, disk: Disk, tmp_path: Path
) -> None:
    """By a server that has met it, and by commands, which say where to make room."""
    server = small.node(has_worker=False).start()
    disk.leave(0)
    assert checked(server)[0] == 200

    assert_problem(server.client.post("/images", content=picture(1)), 507, "insufficient_storage")

    status, answer = checked(server)
    assert (status, answer["reads"], answer["writes"]) == (503, True, False)
    assert [name for name, text in answer["checks"].items() if text != "ok"] == ["database_writes"]
    assert [checked(server, purpose)[0] for purpose in ("reads", "server")] == [200, 200]
    shared = {name: server.settings[name] for name in ("database_url", "secret_key")}
    arguments = ("user", "add", "ada", "--no-password", "--data-dir", str(tmp_path / "beside"))
    refused = commands.run(*arguments, **shared)
    assert refused.returncode == 2
    assert "Make room on the disk of the machine with PostgreSQL" in refused.stderr
    assert str(tmp_path) not in refused.stderr

    disk.empty()
    until(lambda: checked(server)[0] == 200)
    assert server.client.post("/images", content=picture(1)).status_code == 201
    assert [line["place"] for line in server.lines(action="storage.full")] == ["database"]
    assert server.lines(action="storage.has_room")


def test_a_postgresql_that_only_reads_is_reported_while_it_does(nodes: Nodes) -> None:
    """Images are delivered meanwhile, which other servers could not do better."""
    server = nodes.node(has_worker=False).start()
    image = server.upload(picture(1))
    set_read_only(nodes, is_on=True)

    until(lambda: checked(server)[0] == 503)

    answer = checked(server)[1]
    assert (answer["reads"], answer["writes"]) == (True, False)
    assert "only reads" in answer["checks"]["database_writes"]
    assert checked(server, "server")[0] == 200
    assert server.client.get(f"/images/{image['id']}").status_code == 200
    set_read_only(nodes, is_on=False)
    until(lambda: checked(server)[0] == 200)


def test_a_full_bucket_is_reported_until_it_has_room(nodes: Nodes, radosgw: Radosgw) -> None:
    """Its quota of objects is used up by the mark and the first image."""
    bucket = radosgw.make_bucket()
    radosgw.limit(bucket, 2)
    server = nodes.node(has_worker=False, blob_url=radosgw.url(bucket)).start()
    image = server.upload(picture(1))
    assert checked(server)[0] == 200

    assert_problem(server.client.post("/images", content=picture(2)), 507, "insufficient_storage")

    status, answer = checked(server)
    assert (status, answer["reads"], answer["writes"]) == (503, True, False)
    assert [name for name, text in answer["checks"].items() if text != "ok"] == ["blob_writes"]
    assert [checked(server, purpose)[0] for purpose in ("reads", "server")] == [200, 200]
    assert server.client.get(f"/images/{image['id']}").content == picture(1)
    radosgw.limit(bucket, -1)
    until(lambda: checked(server)[0] == 200)
    assert server.client.post("/images", content=picture(2)).status_code == 201
    found = radosgw.client().list_objects_v2(Bucket=bucket)["Contents"]
    assert len(found) == 3, "nothing is left of trials"


def set_read_only(nodes: Nodes, *, is_on: bool) -> None:
    """Let the database only read, or write again, also on the connections that are there."""
    name = make_url(nodes.url).database
    others = "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    change = f"ALTER DATABASE {name} SET default_transaction_read_only = {'on' if is_on else 'off'}"
    nodes.sql(f"SET TRANSACTION READ WRITE; {change}")
    nodes.sql(f"SELECT pg_terminate_backend(pid) {others}")
