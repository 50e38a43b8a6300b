"""`imagesvc user` and `imagesvc key` on the data directory, with and without a running server."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests import commands
from tests.accounts import admin_of, client_of, log_in, refused
from tests.conftest import MakeServer
from tests.http.asking import picture
from tests.server import Server

ME = "/api/v1/users/me"


def run(data_dir: Path, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command on a data directory, with this standard input."""
    return commands.run(
        *arguments, "--data-dir", str(data_dir), directory=data_dir.parent, typed=typed
    )


def test_users_and_keys_are_made_beside_a_running_server(make_server: MakeServer) -> None:
    """They are also changed and removed; the server uses the new data immediately."""
    server = make_server(auth="required", workers=1)
    place = server.data_dir

    assert run(place, "user", "add", "ada", typed="correct horse\n").returncode == 0
    token = log_in(server, "ada", "correct horse")["access_token"]
    made = run(place, "key", "add", "ada", "--scope", "read", "--name", "cron")
    key = made.stdout.strip()
    assert client_of(server, key).get(ME).json()["scopes"] == ["read"]
    assert "cron" in run(place, "key", "list", "ada").stdout
    assert key.rpartition("_")[2] not in run(place, "key", "list", "ada").stdout

    everyone = run(place, "key", "list").stdout
    assert "cron" in everyone
    assert "admin" in everyone

    assert run(place, "user", "passwd", "ada", typed="another horse\n").returncode == 0
    refused(client_of(server, token).get(ME))
    log_in(server, "ada", "another horse")

    assert run(place, "user", "disable", "ada").returncode == 0
    refused(client_of(server, key).get(ME))
    assert run(place, "user", "enable", "ada").returncode == 0
    assert client_of(server, key).get(ME).status_code == 200

    assert run(place, "key", "remove", key).returncode == 0
    refused(client_of(server, key).get(ME))
    assert run(place, "user", "remove", "ada").returncode == 0
    assert "ada" not in run(place, "user", "list").stdout


def test_a_lost_first_key_can_be_replaced(make_server: MakeServer) -> None:
    """A user with access to the data directory can make another admin key."""
    server = make_server(auth="required", workers=1)

    key = run(server.data_dir, "key", "add", "admin").stdout.strip()

    assert client_of(server, key).get("/api/v1/users").status_code == 200
    assert key not in server.log()


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data directory of a server that has stopped."""
    server = Server(tmp_path_factory.mktemp("stopped") / "data", auth="required", workers=1)
    server.start()
    server.close()
    return server.data_dir


def test_images_of_a_removed_user_go_to_the_named_owner(make_server: MakeServer) -> None:
    """Images are transferred only to the named user."""
    server = make_server(auth="required", workers=1)
    place, admin = server.data_dir, admin_of(server)
    run(place, "user", "add", "ada", "--no-password")
    ada = client_of(server, run(place, "key", "add", "ada").stdout.strip())
    image = ada.post("/images", content=picture()).json()

    without = run(place, "user", "remove", "ada")
    to_none = run(place, "user", "remove", "ada", "--images-to", "nemo")
    assert ada.get(ME).status_code == 200
    to_admin = run(place, "user", "remove", "ada", "--images-to", "admin")

    assert (without.returncode, to_none.returncode, to_admin.returncode) == (2, 2, 0)
    assert "--images-to" in without.stderr
    assert "nemo" in to_none.stderr
    assert admin.client.get(f"/api/v1/images/{image['id']}").json()["owner_id"] == admin.id
    refused(ada.get(ME))


@pytest.mark.parametrize(
    ("arguments", "typed", "word"),
    [
        (("user", "add", "Ada"), "correct horse\n", "a-z"),
        (("user", "add", "ada"), "short\n", "8 to 256"),
        (("user", "add", "ada"), "", "8 to 256"),
        (("user", "passwd", "nemo"), "correct horse\n", "no user 'nemo' in /"),
        (("user", "remove", "nemo"), "", "no user 'nemo' in /"),
        (("key", "add", "nemo"), "", "no user 'nemo' in /"),
        (("key", "list", "nemo"), "", "no user 'nemo' in /"),
        (("key", "remove", "nemo"), "", "no resource with this id"),
        (("key", "remove", "isk_nemo"), "", "no API key"),
        (
            ("key", "add", "nemo", "--expires-in", "soon"),
            "",
            "--expires-in soon: must be a duration",
        ),
    ],
)
def test_impossible_commands_end_with_2_and_a_reason(
    stopped: Path, arguments: tuple[str, ...], typed: str, word: str
) -> None:
    """The error is a sentence, not a traceback."""
    done = run(stopped, *arguments, typed=typed)

    assert done.returncode == 2
    assert word in done.stderr
    assert "Traceback" not in done.stderr


def test_passwords_cannot_be_arguments(tmp_path: Path) -> None:
    """Arguments are visible in the process list and in the history of the shell."""
    done = run(tmp_path / "data", "user", "add", "ada", "--password", "correct horse", typed="x\n")

    assert done.returncode == 2
