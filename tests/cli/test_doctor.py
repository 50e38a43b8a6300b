"""`imagesvc doctor` finds what is wrong with an installation, and changes nothing."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from imagesvc.errors import BucketUnavailable
from imagesvc.library.backup.backup import note_backup
from imagesvc.library.doctor import data, network, system
from imagesvc.library.doctor.doctor import examine
from imagesvc.library.doctor.findings import Finding, findings_of
from imagesvc.model.ids import utc_now
from imagesvc.settings.settings import Settings
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.locks import DigestLocks
from tests import commands
from tests.namespaces import can_have_namespaces
from tests.store.stock import make_stock


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a server that accepted an image and was stopped."""
    return make_stock(tmp_path_factory.mktemp("stock"), 1)


@pytest.fixture
def data_dir(stock: Path, tmp_path: Path) -> DataDir:
    """A copy of it."""
    shutil.copytree(stock, tmp_path / "data")
    return DataDir(tmp_path / "data")


def levels(found: Iterable[Finding]) -> dict[str, str]:
    return {finding.name: str(finding.level) for finding in found}


def files_of(root: Path) -> dict[str, tuple[int, int, int]]:
    """Everything that a change would change."""
    # SQLite makes files to read, so the time of the directory itself changes.
    return {".": (root.stat().st_mode, 0, 0)} | {
        str(path): (path.stat().st_mode, path.stat().st_size, path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if not path.name.endswith(("-shm", "-wal"))
    }


def test_a_sound_installation_has_no_error_and_is_not_changed(data_dir: DataDir) -> None:
    """Each finding with a level other than ok says what to do."""
    data_dir.root.chmod(0o700)
    before = files_of(data_dir.root)

    done = commands.run("doctor", "--json", "--data-dir", str(data_dir.root))

    assert done.returncode == 0, done.stdout
    found: list[dict[str, Any]] = json.loads(done.stdout)
    assert {"imagesvc", "python", "kernel", "sqlite", "libvips", "pillow", "disk", "secret"} <= {
        finding["name"] for finding in found
    }
    assert [it for it in found if it["level"] != "ok" and not it["remedy"]] == []
    assert files_of(data_dir.root) == before


def test_a_broken_installation_is_described_in_words(data_dir: DataDir) -> None:
    """A wrong setting, a damaged database, a lost secret: each is an error of its own."""
    data_dir.database.write_bytes(b"no database")
    data_dir.secret.unlink()

    done = commands.run("doctor", "--data-dir", str(data_dir.root), max_frames="many")

    assert done.returncode == 1, done.stdout
    assert "max_frames" in done.stdout
    assert "secret.key is missing" in done.stdout
    assert "database: cannot be examined: file is not a database" in done.stdout
    assert done.stdout.count('under "A damaged database"') == done.stdout.count("not a database")
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize("command", ["doctor", "check", "serve"])
def test_a_directory_of_another_user_is_named_with_the_remedy(
    data_dir: DataDir, command: str
) -> None:
    """Otherwise each command would complain about another file, which does not exist."""
    data_dir.root.chmod(0o000)
    try:
        done = commands.run(command, "--data-dir", str(data_dir.root), obeys_modes=True)
    finally:
        data_dir.root.chmod(0o700)

    said = done.stdout + done.stderr
    assert done.returncode in {1, 2}, said
    assert f"The data directory {data_dir.root} belongs to" in said
    assert f"chmod 700 {data_dir.root}" in said
    assert "restore.json" not in said
    assert "Usage" not in said


@pytest.mark.skipif(not can_have_namespaces(), reason="no namespaces for users here")
def test_a_read_only_file_system_is_an_error(data_dir: DataDir) -> None:
    """No server starts there."""
    place = data_dir.root

    done = commands.run("doctor", "--data-dir", str(place), read_only=place)

    assert done.returncode == 1, done.stdout + done.stderr
    assert "read-only: no server starts" in done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for others")
def test_what_root_writes_belongs_to_the_owner_of_the_directory(data_dir: DataDir) -> None:
    """A server that cannot read the time of the last backup has no metric of it."""
    os.chown(data_dir.root, 8701, 8701)
    assert note_backup(data_dir, utc_now()) is None
    data_dir.digest_lock.unlink()
    DigestLocks(data_dir.digest_lock).close()

    assert (data_dir.last_backup.stat().st_uid, data_dir.digest_lock.stat().st_uid) == (8701, 8701)


def test_a_time_of_a_backup_that_cannot_be_read_is_an_error(data_dir: DataDir) -> None:
    """It does not mean that there was no backup."""
    data_dir.last_backup.mkdir()

    (found,) = data.backups(data_dir)

    assert found.level == "error"
    assert "cannot be read" in found.text


def test_a_missing_data_directory_is_not_made(tmp_path: Path) -> None:
    """All that does not need it is examined."""
    found = levels(examine(Settings(data_dir=tmp_path / "none"), lambda: 0, list))

    assert found["data_dir"] == "error"
    assert found["libvips"] == "ok"
    assert list(tmp_path.iterdir()) == []


def test_of_a_node_the_bucket_and_the_disk_are_examined(data_dir: DataDir) -> None:
    """They are where its uploads fail."""

    def refuse() -> list[str]:
        raise BucketUnavailable("s3://photos: there is no such bucket.")

    settings = Settings(
        data_dir=data_dir.root,
        database_url="postgresql://a/b",
        secret_key="0" * 64,
        blob_url="s3://photos",
        min_free_space="8000TiB",
    )

    found = {it.name: it for it in examine(settings, lambda: 0, refuse)}

    assert (found["bucket"].level, found["disk"].level) == ("error", "error")
    assert "no such bucket" in found["bucket"].text
    assert (found["database"].level, found["jobs"].level) == ("ok", "warning")


def test_permissions_of_others_are_found(data_dir: DataDir) -> None:
    """Other users must not read images, and above all not the secret."""
    data_dir.root.chmod(0o755)
    data_dir.secret.chmod(0o644)
    found = levels([*data.directory(data_dir), *data.secret(data_dir)])
    data_dir.root.chmod(0o700)
    data_dir.secret.chmod(0o600)

    assert found == {"data_dir": "warning", "permissions": "ok", "secret": "error"}
    sound = levels([*data.directory(data_dir), *data.secret(data_dir)])
    assert set(sound.values()) == {"ok"}


def test_a_full_disk_and_a_missing_reserve_are_found(data_dir: DataDir) -> None:
    """The settings say how much must be free."""
    free = data_dir.free_bytes()
    data_dir.reserve.unlink(missing_ok=True)

    def found(floor: int) -> str:
        return levels(data.disk(data_dir, Settings(min_free_space=floor)))["disk"]

    assert (found(1), found(free * 3 // 4), found(2 * free)) == ("ok", "warning", "error")

    def step(floor: int) -> str:
        findings = data.disk(data_dir, Settings(min_free_space=floor))
        (reserve,) = [finding for finding in findings if finding.name == "reserve"]
        assert reserve.level == "warning"
        return reserve.remedy

    assert step(1).startswith("Start the server; ")
    assert step(2 * free).startswith("Make room; ")


def test_a_clock_that_was_set_back_is_found(data_dir: DataDir) -> None:
    """Rows of the future make it visible."""
    assert levels(data.clock(data_dir)) == {"clock": "ok"}
    earlier = utc_now() - timedelta(hours=2)
    assert levels(data.clock(data_dir, earlier)) == {"clock": "error"}
    # A restored directory has no events.
    for table, level in (("events", "error"), ("jobs", "error"), ("images", "ok")):
        with closing(sqlite3.connect(data_dir.database)) as connection, connection:
            connection.execute(f"DELETE FROM {table}")
        assert levels(data.clock(data_dir, earlier)) == {"clock": level}


def test_the_age_of_the_last_backup_is_found(data_dir: DataDir) -> None:
    """None, an old one, and a new one; and webhooks that a restore holds."""
    now = utc_now()
    assert levels(data.backups(data_dir)) == {"backup": "warning"}
    data_dir.last_backup.write_text(f"{(now - timedelta(days=8)).isoformat()}\n")
    assert levels(data.backups(data_dir)) == {"backup": "warning"}
    data_dir.last_backup.write_text(f"{now.isoformat()}\n")
    assert levels(data.backups(data_dir)) == {"backup": "ok"}
    data_dir.webhooks_held.touch()
    assert levels(data.backups(data_dir)) == {"backup": "ok", "webhooks": "warning"}


def test_a_database_of_a_newer_version_is_found(data_dir: DataDir) -> None:
    """Also one whose tables differ from those of its revision."""
    assert levels(data.database(data_dir)) == {"database": "ok"}
    with closing(sqlite3.connect(data_dir.database)) as connection, connection:
        connection.execute("DROP TABLE setup_links")
    assert levels(data.database(data_dir)) == {"database": "error"}
    with closing(sqlite3.connect(data_dir.database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    (found,) = data.database(data_dir)
    assert "newer version" in found.text


def test_settings_that_endanger_are_found() -> None:
    """An open address without public_url, and a proxy that is not named."""
    assert levels(network.accounts(Settings())) == {"auth": "ok"}
    assert levels(network.accounts(Settings(auth="off")))["auth"] == "warning"
    assert levels(network.accounts(Settings(host="::")))["public_url"] == "warning"
    named = Settings(public_url="https://a.example.org")
    assert levels(network.accounts(named))["trusted_proxies"] == "warning"
    anyone = Settings.model_construct(auth="off", host="0.0.0.0")
    assert levels(network.accounts(anyone))["auth"] == "error"
    assert levels(system.sandbox(Settings(sandbox="off"))) == {"sandbox": "warning"}


def test_a_provider_that_cannot_be_reached_is_found() -> None:
    """Nobody could log in."""
    settings = Settings.model_construct(oidc_issuer="http://127.0.0.1:1", jwt_jwks="off")

    assert levels(network.providers(settings)) == {"oidc": "error"}


def test_memory_that_decoding_exceeds_is_found() -> None:
    """The kernel would kill workers."""
    assert levels(system.memory(Settings(decode_memory=1 << 50))) == {"memory": "warning"}
    assert levels(system.memory(Settings(decode_memory=64 << 20))) == {"memory": "ok"}


def test_a_check_that_fails_is_a_finding() -> None:
    """Others are still made."""

    def fails() -> list[Finding]:
        raise PermissionError(13, "Permission denied", "/data")

    (found,) = findings_of("any", fails)
    assert (found.level, found.name) == ("error", "any")
    assert "Permission denied" in found.text
