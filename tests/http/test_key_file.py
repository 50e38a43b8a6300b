"""The API key of the first admin from a file, as containers mount secrets."""

from __future__ import annotations

import contextlib
import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from imagesvc.auth.key_file import read_given_key
from imagesvc.auth.secrets import KEY_PREFIX, new_key, new_refresh, read_secret
from imagesvc.model.ids import new_id
from tests import commands
from tests.accounts import client_of, printed_keys
from tests.conftest import MakeServer
from tests.crash.test_first_start import start_and_kill
from tests.server import Server

DOCS = Path(__file__).parents[2] / "docs" / "configuration.md"
ID, SECRET = "0198" + 7 * "a1b2", hashlib.sha256(b"a key").hexdigest()
KEY = f"isk_{ID}_{SECRET}"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """A file with a key, as secrets are mounted: readable by all."""
    path = tmp_path / "secrets" / "admin key"
    path.parent.mkdir()
    path.write_text(f"{KEY}\n")
    path.chmod(0o444)
    return path


def status_of(server: Server, key: str) -> int:
    """What an admin's request with a key is answered."""
    return client_of(server, key).get("/api/v1/users").status_code


def test_the_first_start_uses_the_key_from_the_file(
    make_server: MakeServer, key_file: Path
) -> None:
    """It is that of an admin, and neither printed nor logged nor kept as it is."""
    server = make_server(auth=None, admin_key_file=str(key_file))

    answer = client_of(server, KEY).get("/api/v1/users/me").json()
    shown = commands.run("config", admin_key_file=key_file, data_dir=server.data_dir)
    server.stop()

    assert (answer["name"], "admin" in answer["scopes"]) == ("admin", True)
    assert printed_keys(server) == []
    assert "/setup#" not in server.log()
    assert '"action":"first_key.given"' in server.log()
    assert "first_key.ignored" not in server.log()
    assert shown.returncode == 0
    assert f'admin_key_file = "{key_file}"' in shown.stdout
    assert SECRET not in server.log() + shown.stdout + shown.stderr
    assert not (server.data_dir / "admin.key").exists()
    kept = [path for path in server.data_dir.rglob("*") if path.is_file()]
    assert not [path for path in kept if SECRET.encode() in path.read_bytes()]


@pytest.mark.parametrize("around", ["{}", "{}\r\n", "  {}\n\n"])
def test_white_space_around_the_key_is_ignored(tmp_path: Path, around: str) -> None:
    """Editors add newlines, and some systems carriage returns."""
    path = tmp_path / "key"
    path.write_bytes(around.format(KEY).encode())

    assert str(read_given_key(path).required()) == KEY


FORM = "does not hold an API key"
GUESSED = "not random"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "The file is empty."),
        (" \n", "The file is empty."),
        ("correct horse battery", FORM),
        (SECRET, FORM),
        (KEY.upper(), FORM),
        (KEY[:-1], FORM),
        (f"{KEY}\n{KEY}\n", FORM),
        (str(new_refresh(new_id(), b"")), FORM),
        (f"{KEY}\0", FORM),
        (100_000 * "a1", FORM),
        (f"isk_{ID}_{64 * '0'}", GUESSED),
        (f"isk_{ID}_{4 * '0123456789abcdef'}", GUESSED),
        (f"isk_{ID}_{8 * 'deadbeef'}", GUESSED),
    ],
)
def test_a_file_without_a_valid_key_prevents_the_start(
    tmp_path: Path, content: str, said: str
) -> None:
    """One line says why, the content is not shown, and nothing is made."""
    path = tmp_path / "key"
    path.write_text(content)

    done = commands.run("serve", "--port", "0", directory=tmp_path, admin_key_file=path)

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"imagesvc: admin_key_file: {path}: ")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not content.strip() or content.strip() not in done.stderr
    assert SECRET not in done.stderr
    assert list(tmp_path.iterdir()) == [path]


def test_an_unreadable_key_file_prevents_the_start(tmp_path: Path) -> None:
    """Docker makes a directory of a mount whose source is missing. `config` says the same."""
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "folder").mkdir()
    reasons = {
        "absent": "No such file or directory.",
        "folder": "Is a directory.",
        "loop": "Too many levels of symbolic links.",
    }

    for name, reason in reasons.items():
        for command in (("serve", "--port", "0"), ("config",)):
            done = commands.run(*command, directory=tmp_path, admin_key_file=name)
            assert (done.returncode, done.stdout) == (2, "")
            assert done.stderr == f"imagesvc: admin_key_file: {name}: {reason}\n"

    assert not (tmp_path / "data").exists()


@pytest.mark.breadth
def test_later_starts_use_no_key_from_the_file(make_server: MakeServer, key_file: Path) -> None:
    """Neither a new one, nor the first one again after it was removed; the log says so."""
    server = make_server(auth=None, admin_key_file=str(key_file))
    changed = str(new_key(new_id()))
    other = server.cli("key", "add", "admin").stdout.strip()
    server.stop()

    key_file.chmod(0o600)
    key_file.write_text(changed)
    server.start()
    after_change = [status_of(server, key) for key in (KEY, changed, other)]
    warnings = server.log().count('"action":"first_key.ignored"')
    assert server.cli("key", "remove", KEY).returncode == 0
    server.stop()
    key_file.write_text(KEY)
    server.start()
    after_removal = [status_of(server, key) for key in (KEY, changed, other)]
    server.stop()
    key_file.unlink()
    server.start()

    assert after_change == [200, 401, 200]
    assert after_removal == [401, 401, 200]
    assert warnings == 1
    assert server.log().count('"action":"first_key.ignored"') == 3
    assert "No such file or directory" in server.log()
    assert SECRET not in server.log()
    assert changed not in server.log()


def test_a_database_without_users_gets_the_key(make_server: MakeServer, key_file: Path) -> None:
    """That of a server without accounts; a bad file keeps it from starting with accounts."""
    server = make_server(auth="off", admin_key_file="/nonexistent")
    server.stop()

    done = commands.run(
        "serve", "--port", "0", "--data-dir", str(server.data_dir),
        directory=server.data_dir.parent, admin_key_file="/nonexistent", workers=1,
    )  # fmt: skip
    before = sorted(path.name for path in server.data_dir.glob("admin*"))
    server.settings |= {"auth": None, "admin_key_file": str(key_file)}
    server.start()

    lines = [line for line in done.stderr.splitlines() if "admin_key_file" in line]
    assert done.returncode != 0
    assert len(lines) == 1
    assert "/nonexistent: No such file or directory." in lines[0]
    assert "Traceback" not in done.stderr
    assert before == []
    assert status_of(server, KEY) == 200


@pytest.mark.breadth
def test_a_printed_key_that_never_got_its_rows_is_forgotten(
    make_server: MakeServer, key_file: Path
) -> None:
    """A start without the setting was killed before its rows; then the setting was made."""
    server = make_server(auth="off")
    server.stop()
    left = server.data_dir / "admin.key"
    left.touch(0o600)
    left.write_text(f"{new_key(new_id())}\n")

    server.settings |= {"auth": None, "admin_key_file": str(key_file)}
    server.start()

    assert status_of(server, KEY) == 200
    assert status_of(server, str(new_key(new_id()))) == 401
    assert not left.exists()


@pytest.mark.breadth
@pytest.mark.parametrize("sign", ["secret.key", "imagesvc.db", "reserve"])
def test_a_killed_first_start_keeps_the_key(tmp_path: Path, key_file: Path, sign: str) -> None:
    """For a kill at every point there is one admin with one key."""
    server = Server(tmp_path / "data", auth=None, admin_key_file=str(key_file))
    with contextlib.closing(server):
        start_and_kill(server, server.data_dir / sign)

        server.start()

        client = client_of(server, KEY)
        assert len(client.get("/api/v1/users").json()["data"]) == 1
        assert len(client.get("/api/v1/api-keys").json()["data"]) == 1
        assert not list(server.data_dir.glob("admin*"))


def test_generated_keys_fit_and_differ(tmp_path: Path) -> None:
    """Nothing is stored: the command needs no data directory and makes none."""
    printed = {commands.run("key", "generate", directory=tmp_path).stdout for _ in range(2)}

    assert len(printed) == 2
    assert list(tmp_path.iterdir()) == []
    for text in printed:
        (tmp_path / "key").write_text(text)
        assert str(read_given_key(tmp_path / "key").required()) == text.strip()


def test_the_documented_command_makes_a_key(tmp_path: Path) -> None:
    """Where imagesvc is not installed, openssl is."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    (command,) = re.findall(r"^(mkdir -m 700 .*printf .*)$", DOCS.read_text(), re.MULTILINE)

    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)

    (folder,) = tmp_path.iterdir()
    (path,) = folder.iterdir()
    assert read_given_key(path).required()
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_traceback_with_values_shows_no_secret() -> None:
    """Text logs show the variables of each frame."""
    assert SECRET not in repr(read_secret(KEY, KEY_PREFIX))
