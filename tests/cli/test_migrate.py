"""PostgreSQL by settings: the command that makes the tables, and what is said when it fails."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pydantic import SecretStr

from imagesvc.errors import Unavailable
from imagesvc.service.database import shared_database
from imagesvc.store.db.sqlite.migrate import HEAD
from tests import commands
from tests.databases import SECRET
from tests.http.asking import picture
from tests.postgres import Postgres, started
from tests.server import Server
from tests.waiting import until

Shared = dict[str, Any]


@pytest.fixture
def shared(postgres: Postgres) -> Iterator[Shared]:
    """The settings of an empty database of PostgreSQL."""
    with postgres.copy_of("template0") as url:
        yield {"database_url": url.replace("+psycopg", ""), "secret_key": SECRET}


def run(
    *arguments: str, place: Path, status: int = 0, **settings: Any
) -> subprocess.CompletedProcess[str]:
    """Run a command that ends with this status."""
    done = commands.run(*arguments, directory=place, **settings)
    assert done.returncode == status, done.stderr
    return done


@pytest.mark.cluster
def test_a_server_and_commands_use_what_migrate_has_made(tmp_path: Path, shared: Shared) -> None:
    """Commands work beside the server, such as a verification and a backup of files."""
    refused = run("serve", place=tmp_path, status=3, **shared)
    assert "imagesvc migrate" in refused.stderr
    assert "before: no tables" in run("migrate", place=tmp_path, **shared).stdout
    assert f"{HEAD} already" in run("migrate", place=tmp_path, **shared).stdout

    server = Server(tmp_path / "data", auth="required", **shared).start()
    try:
        key = run("key", "add", "admin", place=tmp_path, **shared).stdout.strip()
        server.client.headers["authorization"] = f"Bearer {key}"
        image = server.upload(picture(1))
        server.finished(image["job"]["id"])

        assert server.client.get(f"/images/{image['id']}?w=20").status_code == 200
        assert server.client.get("/readyz").json()["checks"]["database"] == "ok"
        stats = run("stats", "--json", place=tmp_path, **shared).stdout
        assert '"succeeded": 1' in stats
        assert "PostgreSQL" in run("doctor", place=tmp_path, **shared).stdout
        assert run("check", place=tmp_path, **shared).stdout.endswith("sound\n")
        backup = str(tmp_path / "backup")
        assert "1 of them new" in run("backup", backup, place=tmp_path, **shared).stdout
        assert "0 of them new" in run("backup", backup, place=tmp_path, **shared).stdout
        assert server.stop() == 0
    finally:
        server.close()

    assert {path.name for path in server.data_dir.iterdir()}.isdisjoint(
        {"imagesvc.db", "secret.key"}
    )
    assert {line["level"] for line in server.lines()} == {"info"}


def test_there_is_nothing_to_migrate_without_postgresql(tmp_path: Path) -> None:
    done = run("migrate", place=tmp_path, status=2)

    assert "database_url: there is none" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.cluster
@pytest.mark.parametrize("command", ["migrate", "serve", "stats", "doctor"])
def test_a_database_that_cannot_be_used_is_named(
    tmp_path: Path, postgres: Postgres, command: str
) -> None:
    """With the reason that PostgreSQL gives, and without the password."""
    name = f"lost_{uuid4().hex}"
    url = postgres.plain_url(name).replace("@", ":hushhush@")
    status = {"doctor": 1, "serve": 3}.get(command, 2)

    done = run(command, place=tmp_path, status=status, database_url=url, secret_key=SECRET)

    told = done.stdout + done.stderr
    assert name in told
    assert "does not exist" in told
    assert "database_url" in told
    assert "hushhush" not in told


def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    settings = {"database_url": "postgresql://x:hushhush@127.0.0.1:1/y", "secret_key": SECRET}

    done = run("migrate", place=tmp_path, status=2, **settings)

    assert "database_url" in done.stderr
    assert "Connection refused" in done.stderr
    assert "hushhush" not in done.stderr


def test_the_missing_driver_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imagesvc.store.db.postgres.database", None)

    with pytest.raises(
        Unavailable, match=r"database_url needs .* pip install 'imagesvc\[cluster\]'"
    ):
        shared_database(SecretStr("postgresql://a/b"))


@pytest.mark.parametrize("content", ["", "abc\n", f"{SECRET[:-2]}\n", "zz" * 32])
def test_a_file_without_a_secret_is_refused(tmp_path: Path, content: str) -> None:
    """Before anything is made."""
    (tmp_path / "secret").write_text(content)

    done = run(
        "serve", place=tmp_path, status=2, database_url="postgresql://a/b", secret_key_file="secret"
    )

    assert "secret_key_file: " in done.stderr
    assert not (tmp_path / "data").exists()


@pytest.mark.cluster
def test_a_server_outlives_a_crash_of_postgresql(tmp_path: Path) -> None:
    """Requests are answered 503 meanwhile, but those of variants in memory; then all is well."""
    with started() as postgres:
        settings: Shared = {"database_url": postgres.plain_url("postgres"), "secret_key": SECRET}
        run("migrate", place=tmp_path, **settings)
        server = Server(tmp_path / "data", **settings).start()
        try:
            image = server.upload(picture(1))
            server.finished(image["job"]["id"])
            hot = f"/images/{image['id']}?w=20"
            assert [server.client.get(hot).status_code for _ in range(3)] == [200] * 3

            postgres.stop()
            assert server.client.get("/readyz").status_code == 503
            assert server.client.get("/api/v1/images").status_code == 503
            assert server.client.get(hot).status_code == 200
            assert server.client.post("/images", content=picture(2)).status_code == 503

            postgres.start()
            until(lambda: server.client.get("/readyz").status_code == 200)
            other = server.upload(picture(2))
            server.finished(other["job"]["id"])
            assert server.blobs() >= {image["sha256"], other["sha256"]}
            assert server.client.get("/api/v1/images").json()["data"][1]["id"] == image["id"]
            assert server.process is not None
            assert server.process.poll() is None
        finally:
            server.close()
