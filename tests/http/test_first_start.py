"""The first start with accounts: an admin, and a key that is shown once."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from imagesvc.auth.secrets import new_key
from imagesvc.model.ids import new_id
from tests import databases
from tests.accounts import admin_of, client_of, printed_keys
from tests.conftest import MakeServer
from tests.http.asking import picture
from tests.http.test_logs import Unlogged
from tests.server import Server
from tests.store.stock import make_stock
from tests.waiting import PATIENCE


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a stopped server that had no accounts."""
    return make_stock(tmp_path_factory.mktemp("stock"), 0)


def key_file(server: Server) -> Path:
    """Where the first key is kept until it is used."""
    return server.data_dir / "admin.key"


def test_the_first_start_prints_the_key_of_an_admin_once_in_a_command_that_uploads(
    make_server: MakeServer, tmp_path: Path
) -> None:
    """Beside the log and not in it; later starts say nothing.

    The command has the real port, and is pasted into a shell as it stands.
    """
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    server = make_server(auth=None, workers=1)
    (key,) = printed_keys(server)
    (command,) = re.findall(r"^    (curl .*)$", server.log(), re.MULTILINE)
    (tmp_path / "photo.jpg").write_bytes(picture())

    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, check=True, timeout=PATIENCE
    )

    assert json.loads(done.stdout)["filename"] == "photo.jpg"
    server.stop()
    server.start()
    assert printed_keys(server) == [key]
    assert server.log().count(key) == 1
    assert client_of(server, key).get("/api/v1/users").status_code == 200


@pytest.mark.breadth
def test_a_later_start_prints_a_command_that_reads_the_unused_key(
    make_server: MakeServer, tmp_path: Path
) -> None:
    """The key itself is printed once; after its first use nothing is printed."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    server = make_server(auth=None, workers=1)
    (key,) = printed_keys(server)
    server.stop()
    server.start()
    (command,) = re.findall(r"^    (curl .*\$\(cat .*)$", server.log(), re.MULTILINE)
    (tmp_path / "photo.jpg").write_bytes(picture())

    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, capture_output=True, check=True, timeout=PATIENCE
    )
    server.stop()
    server.start()

    assert json.loads(done.stdout)["filename"] == "photo.jpg"
    assert server.log().count(key) == 1
    assert server.log().count("$(cat ") == 1


def test_the_first_key_is_kept_until_it_is_used(make_server: MakeServer) -> None:
    """In a file of its owner alone, so that it is not lost with the scrollback of a terminal."""
    server = make_server(auth=None, workers=1)
    file, (key,) = key_file(server), printed_keys(server)
    wrong = f"{key[:-1]}{'1' if key[-1] == '0' else '0'}"
    assert file.stat().st_mode & 0o777 == 0o600
    server.kill()
    server.start()

    assert file.read_text().strip() == key
    assert f'"path":"{file}"' in server.log()
    assert client_of(server, wrong).get("/api/v1/images").status_code == 401
    assert server.client.get("/api/v1/images").status_code == 401
    assert file.exists()
    assert client_of(server, key).get("/api/v1/images").status_code == 200
    assert not file.exists()
    assert client_of(server, key).get("/api/v1/images").status_code == 200


def test_a_start_killed_before_its_rows_keeps_the_same_key(stocked: Server) -> None:
    """The file is written first; the key in it is good for nothing until the rows are there."""
    server = stocked
    key = str(new_key(new_id()))
    key_file(server).touch(0o600)
    key_file(server).write_text(f"{key}\n")
    server.settings["auth"] = None

    server.start()

    assert printed_keys(server) == [key]
    assert client_of(server, key).get("/api/v1/users").status_code == 200
    assert not key_file(server).exists()


@pytest.mark.breadth
@pytest.mark.parametrize("content", ["", "torn", str(new_key(new_id()))])
def test_a_readable_or_truncated_key_file_is_replaced(stocked: Server, content: str) -> None:
    """Before there are rows, no key of it has ever been good for anything."""
    server = stocked
    key_file(server).write_text(content)
    key_file(server).chmod(0o644)
    server.settings["auth"] = None

    server.start()

    (key,) = printed_keys(server)
    assert key != content
    assert key_file(server).read_text().strip() == key
    assert key_file(server).stat().st_mode & 0o777 == 0o600


@pytest.mark.breadth
def test_the_file_of_a_key_that_was_revoked_is_removed(make_server: MakeServer) -> None:
    """By the next start, at the latest."""
    server = make_server(auth=None, workers=1)
    (key,) = printed_keys(server)

    assert server.cli("key", "remove", key).returncode == 0
    server.stop()
    server.start()

    assert not key_file(server).exists()
    assert client_of(server, key).get("/api/v1/images").status_code == 401


def test_a_lost_file_changes_nothing(make_server: MakeServer) -> None:
    """The key was printed; and a command on the data directory makes another."""
    server = make_server(auth=None, workers=1)
    (key,) = printed_keys(server)
    key_file(server).unlink()

    assert client_of(server, key).get("/api/v1/images").status_code == 200
    other = server.cli("key", "add", "admin").stdout.strip()
    assert client_of(server, other).get("/api/v1/images").status_code == 200


@pytest.mark.breadth
def test_a_file_that_cannot_be_removed_is_reported(make_server: MakeServer) -> None:
    """The request that used the key is still answered, and the next start tries again."""
    server = make_server(auth=None, workers=1)
    (key,) = printed_keys(server)
    file = key_file(server)
    file.unlink()
    (file / "in the way").mkdir(parents=True)

    statuses = [client_of(server, key).get("/api/v1/images").status_code for _ in range(3)]
    server.stop()

    assert statuses == [200] * 3
    assert server.log().count('"action":"first_key.kept"') in {1, 2}  # 2: a minute has passed


def test_a_key_that_cannot_be_printed_is_in_the_file(tmp_path: Path) -> None:
    """Standard error may be a full disk, or closed."""
    server = Unlogged(tmp_path / "data", workers=1, auth=None)
    try:
        server.start()
        key = key_file(server).read_text().strip()

        assert client_of(server, key).get("/api/v1/users").status_code == 200
    finally:
        server.close()


@pytest.mark.embedded
def test_the_database_and_the_secret_are_for_the_owner_and_have_no_key(
    make_server: MakeServer,
) -> None:
    """Readable password hashes could be attacked offline; the key is kept as a hash."""
    server = make_server(auth="required", workers=1)
    secret = admin_of(server).key.rpartition("_")[2]

    names = ("imagesvc.db", "imagesvc.db-wal", "imagesvc.db-shm", "secret.key")
    modes = {name: (server.data_dir / name).stat().st_mode & 0o077 for name in names}
    server.stop()

    assert modes == dict.fromkeys(names, 0)
    assert databases.run_sql(server.data_dir, "SELECT count(*) FROM api_keys") == [1]
    assert secret not in databases.dump(server.data_dir)


def test_without_accounts_no_admin_is_made(server: Server) -> None:
    """Else the day they are turned on, the key would be long lost."""
    assert printed_keys(server) == []
    assert not key_file(server).exists()
    assert server.client.get("/api/v1/users").json()["data"] == []
    assert server.client.get("/api/v1/users/me").json() == {
        "id": None,
        "name": "anybody",
        "scopes": ["read", "upload", "manage", "admin"],
        "usage": None,
    }
