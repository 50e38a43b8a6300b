"""An interrupted first start leaves one admin with one key, which is not lost."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.accounts import client_of, printed_keys
from tests.breadth import represented
from tests.server import Server
from tests.waiting import until


def start_and_kill(server: Server, sign: Path) -> None:
    """Kill a starting server as soon as a file exists."""
    with ThreadPoolExecutor(1) as executor:
        starting = executor.submit(server.start)
        until(lambda: sign.exists() or starting.done())
        server.kill()
        with contextlib.suppress(AssertionError):  # the server ended
            starting.result()


SIGNS = ("secret.key", "imagesvc.db", "admin.key.new", "admin.key")


@pytest.mark.parametrize("sign", represented(SIGNS, "imagesvc.db"))
def test_a_first_start_that_is_killed_loses_no_key(tmp_path: Path, sign: str) -> None:
    """Kills happen before the file, between file and rows, and between rows and printing."""
    server = Server(tmp_path / "data", auth=None, workers=1)
    kept = server.data_dir / "admin.key"
    try:
        start_and_kill(server, server.data_dir / sign)
        before = kept.read_text() if kept.exists() else ""

        server.start()

        key = kept.read_text().strip()
        assert before.strip() in {"", key}
        assert set(printed_keys(server)) <= {key}
        client = client_of(server, key)
        assert len(client.get("/api/v1/users").json()["data"]) == 1
        assert len(client.get("/api/v1/api-keys").json()["data"]) == 1
        assert sorted(path.name for path in server.data_dir.glob("admin.key*")) == []
    finally:
        server.close()


def test_a_new_data_directory_is_accessible_to_its_owner_only(tmp_path: Path) -> None:
    """Other users of the machine cannot list it; an existing directory keeps its mode."""
    shared = tmp_path / "shared"
    shared.mkdir(mode=0o750)
    with contextlib.ExitStack() as stack:
        for place in (tmp_path / "parent" / "data", shared):
            server = Server(place, workers=1)
            server.log_path.parent.mkdir(exist_ok=True)
            stack.callback(server.close)
            server.start()

    assert (tmp_path / "parent" / "data").stat().st_mode & 0o777 == 0o700
    assert shared.stat().st_mode & 0o777 == 0o750


def test_a_new_data_directory_is_logged(tmp_path: Path) -> None:
    """If a disk is not mounted, the mount point would silently become the data directory."""
    server = Server(tmp_path / "data", workers=1).start()
    server.stop()
    server.start()
    server.close()

    lines = [line for line in server.log().splitlines() if "data_dir.new" in line]
    assert len(lines) == 1
    assert str(tmp_path / "data") in lines[0]


def test_a_secret_that_others_can_read_is_logged(tmp_path: Path) -> None:
    """A user who can read it can sign tokens of any user; a restored copy may have another mode."""
    server = Server(tmp_path / "data", workers=1).start()
    server.stop()
    assert "secret.readable" not in server.log()
    (server.data_dir / "secret.key").chmod(0o644)
    server.start()
    server.close()

    assert server.log().count("secret.readable") == 1
