"""The first start with accounts: an admin, and a key that is shown once."""

from __future__ import annotations

import contextlib
import sqlite3

from tests.accounts import admin_of, client_of, printed_keys
from tests.conftest import MakeServer


def test_the_first_start_prints_the_key_of_an_admin_once(make_server: MakeServer) -> None:
    """On a line of its own, beside the log and not in it; later starts say nothing."""
    server = make_server(auth="required", workers=1)
    admin = admin_of(server)
    server.stop()

    server.start()

    assert printed_keys(server) == [admin.key]
    assert server.log().count(admin.key) == 1
    assert client_of(server, admin.key).get("/api/v1/users").status_code == 200


def test_of_the_first_key_only_the_hash_is_kept(make_server: MakeServer) -> None:
    """Who gets hold of the database gets no credential with it."""
    server = make_server(auth="required", workers=1)
    secret = admin_of(server).key.rpartition("_")[2]

    server.stop()

    with contextlib.closing(sqlite3.connect(server.data_dir / "imagesvc.db")) as connection:
        assert connection.execute("SELECT count(*) FROM api_keys").fetchone() == (1,)
        assert secret not in "\n".join(connection.iterdump())


def test_without_accounts_no_admin_is_made(make_server: MakeServer) -> None:
    """Else the day they are turned on, the key would be long lost."""
    server = make_server(workers=1)

    assert printed_keys(server) == []
    assert server.client.get("/api/v1/users").json()["data"] == []
    assert server.client.get("/api/v1/users/me").json() == {
        "id": None,
        "name": "anybody",
        "scopes": ["read", "upload", "manage", "admin"],
        "usage": None,
    }


def test_the_database_and_the_secret_are_their_owners_alone(make_server: MakeServer) -> None:
    """Hashes of passwords are guessed at leisure by whoever can read them."""
    server = make_server(auth="required", workers=1)

    found = {path: path.stat().st_mode & 0o077 for path in server.data_dir.iterdir()}

    names = {path.name for path, mode in found.items() if path.is_file() and mode == 0}
    assert names >= {"imagesvc.db", "imagesvc.db-wal", "imagesvc.db-shm", "secret.key"}
