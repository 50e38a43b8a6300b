"""Commands on a missing data directory make neither a directory nor a secret."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from imagesvc.store.db.sqlite.engine import sqlite_engine, transaction
from imagesvc.store.db.sqlite.migrate import upgrade
from imagesvc.store.db.sqlite.snapshots import revision_of
from tests.cli.test_main import run
from tests.namespaces import can_have_namespaces
from tests.server import Server

COMMANDS = [
    ("check",),
    ("gc",),
    ("sign", "/images/x?w=1"),
    ("user", "add", "ada", "--no-password"),
    ("key", "list", "ada"),
]


OLDER = "0018"
"""A revision before the newest."""


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a server that has stopped."""
    server = Server(tmp_path_factory.mktemp("stock") / "data", workers=1, auth="required").start()
    server.close()
    return server.data_dir


@pytest.fixture
def place(stock: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(stock, tmp_path / "data"))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_mistyped_data_directory_is_not_made(tmp_path: Path, command: tuple[str, ...]) -> None:
    """A check of a new directory would find no errors, and a new secret would sign useless URLs."""
    done = run(tmp_path, *command, "--data-dir", "dta")

    assert (done.returncode, done.stdout) == (2, "")
    assert f"no data directory of imagesvc: {tmp_path / 'dta'}" in done.stderr
    assert "--data-dir" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_foreign_directory_is_not_changed(tmp_path: Path) -> None:
    """The home directory is an example."""
    (tmp_path / "notes.txt").touch()

    done = run(tmp_path, "sign", "/images/x", "--data-dir", ".")

    assert done.returncode == 2
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("path", ["/", "/api/v1/images", "images/x", "https://other.test/images/x"])
def test_only_paths_of_images_are_signed(place: Path, path: str) -> None:
    """A signature is valid for images only, so another path is a mistake."""
    done = run(place.parent, "sign", path, "--data-dir", str(place))

    assert (done.returncode, done.stdout) == (2, "")
    assert "such as /images/ID?w=400" in done.stderr


def test_a_lost_secret_is_not_replaced(place: Path) -> None:
    """A new secret would silently invalidate every link and token."""
    secret = place / "secret.key"
    secret.unlink()

    command = run(place.parent, "sign", "/images/x", "--data-dir", str(place))
    start = run(place.parent, "serve", "--port", "0", "--data-dir", str(place), workers="1")

    for done in (command, start):
        assert done.returncode == 2
        assert done.stderr.startswith(f"imagesvc: {secret} is missing")
        assert done.stderr.count("\n") == 1
        assert "openssl rand -hex 32" in done.stderr
    assert not secret.exists()


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("user", "list")])
def test_a_database_of_a_newer_version_is_reported_in_one_line(
    place: Path, command: tuple[str, ...]
) -> None:
    """This happens after a downgrade; no data is changed."""
    make_newer(place)

    done = run(place.parent, *command, "--data-dir", str(place), workers="1", log_format="json")

    lines = [line for line in done.stderr.splitlines() if "newer version" in line]
    assert done.returncode != 0
    assert len(lines) == 1
    assert "Traceback" not in done.stderr
    assert str(place / "imagesvc.db") in lines[0]
    assert ('"code":"unavailable"' in lines[0]) == (command[0] == "serve")


def test_check_names_a_newer_database(place: Path) -> None:
    """It does not know the schema of the newer version."""
    make_newer(place)

    done = run(place.parent, "check", "--data-dir", str(place))

    assert done.returncode == 1
    assert "database: it was made by a newer version of imagesvc" in done.stdout
    assert "Run the newer version" in done.stdout
    assert "A damaged database" not in done.stdout


def test_check_names_a_secret_that_was_lost(place: Path) -> None:
    """The server does not start without it; the message names the command that helps."""
    (place / "secret.key").unlink()

    done = run(place.parent, "check", "--data-dir", str(place))

    assert done.returncode == 1
    assert f"secret: {place / 'secret.key'} is missing. Restore a copy" in done.stdout
    assert "openssl rand -hex 32" in done.stdout
    assert done.stdout.endswith("NOT SOUND\n")


@pytest.mark.parametrize(
    "command",
    [
        ("user", "list"),
        ("user", "add", "ada", "--no-password"),
        ("key", "list", "admin"),
        ("gc",),
        ("stats",),
        ("import", "data/blobs"),
    ],
    ids=" ".join,
)
def test_commands_do_not_migrate(place: Path, command: tuple[str, ...]) -> None:
    """The server of the older version may be running, and could not be started again."""
    for path in place.glob("imagesvc.db*"):
        path.unlink()
    with sqlite_engine(place / "imagesvc.db").connect() as connection, transaction(connection):
        upgrade(connection, OLDER)

    done = run(place.parent, *command, "--data-dir", str(place))

    assert done.returncode == 2, done.stdout + done.stderr
    assert "made by an older version" in done.stderr
    assert "stop the old server, and start this version" in done.stderr
    assert revision_of(place / "imagesvc.db") == OLDER


@pytest.mark.skipif(not can_have_namespaces(), reason="no namespaces for users here")
def test_commands_that_read_need_no_write(place: Path) -> None:
    """An operator looks around before a file system that became read-only is mounted again."""
    done = [
        run(place.parent, *command.split(), "--data-dir", str(place), read_only=place)
        for command in ("user list", "key list", "stats")
    ]

    assert [it.returncode for it in done] == [0, 0, 0], done
    printed = "".join(it.stdout for it in done)
    assert printed.count("admin") >= 2
    assert "free on the disk" in printed


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("user", "list")])
def test_another_schema_is_reported_in_one_line(place: Path, command: tuple[str, ...]) -> None:
    """A schema of an unreleased version would make parts of the service fail later."""
    make_older(place)

    done = run(place.parent, *command, "--data-dir", str(place), workers="1", log_format="json")

    (line,) = [line for line in done.stderr.splitlines() if "another schema" in line]
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert f"{place / 'imagesvc.db'} has another schema" in line
    assert "there is no column webhooks.failing_since" in line


def test_check_names_another_schema(place: Path) -> None:
    """The database file itself is valid."""
    make_older(place)

    done = run(place.parent, "check", "--data-dir", str(place))

    assert done.returncode == 1
    assert "database: there is no column webhooks.failing_since" in done.stdout
    assert ".recover" not in done.stdout


def test_the_log_has_the_words_of_the_database(place: Path) -> None:
    """Without the reason, an operator could not find the cause."""
    server = Server(place, workers=1, auth="off").start()
    try:
        make_older(place)
        assert server.client.get("/api/v1/webhooks").status_code == 503
    finally:
        server.close()

    assert "no such column: webhooks.failing_since" in server.log()
    assert "database.failed" in server.log()


def make_older(place: Path) -> None:
    """Give the database the schema of an unreleased version, under the newest revision."""
    connection = sqlite3.connect(place / "imagesvc.db")
    with connection:
        connection.execute("ALTER TABLE webhooks DROP COLUMN failing_since")
    connection.close()


def make_newer(place: Path) -> None:
    """Mark the database as migrated by a later version."""
    connection = sqlite3.connect(place / "imagesvc.db")
    with connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
