"""A damaged data directory, or one with foreign files: one line says what to do."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.breadth import represented
from tests.crash.pictures import jpeg
from tests.crash.test_full_disk import mounted
from tests.server import Server


@pytest.mark.parametrize(
    "content",
    represented([b"", b"\n", b"00", b"ab" * 31, b"not hexadecimal", b"\xff" * 32], b"", b"ab" * 31),
)
def test_a_damaged_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    """An empty secret, as after a copy onto a full disk, would accept forged signatures."""
    data_dir = tmp_path / "data"
    data_dir.mkdir()
    secret = data_dir / "secret.key"
    secret.write_bytes(content)
    server = Server(data_dir, workers=1, auth="required")
    try:
        with pytest.raises(AssertionError, match="the server ended"):
            server.start()
        command = server.cli("key", "add", "admin")

        assert (command.returncode, command.stdout) == (2, "")
        assert command.stderr == server.log()
        assert command.stderr.startswith(f"imagesvc: {secret} is damaged. Restore a copy")
        assert command.stderr.count("\n") == 1
        assert secret.read_bytes() == content
    finally:
        server.close()


@pytest.mark.breadth
def test_foreign_files_stop_neither_start_nor_collection(tmp_path: Path) -> None:
    """Examples are notes of a file manager and a directory of a restored copy."""
    server = Server(tmp_path / "data", workers=1).start()
    image = server.upload(jpeg(1))
    server.finished(image["job"]["id"])
    server.kill()
    for directory in ("tmp", "variants", "variants/ab", "blobs", "blobs/ab"):
        (server.data_dir / directory / "others").mkdir(parents=True)
        (server.data_dir / directory / ".DS_Store").touch()
    orphan = server.data_dir / "variants/ab" / f"ab{'0' * 62}"
    orphan.touch()

    server.start()
    collected = server.cli("gc", "--grace", "0s")

    assert collected.returncode == 0, collected.stderr
    assert not orphan.exists()
    assert server.client.get(f"/images/{image['id']}").content == jpeg(1)
    assert "gc.failed" not in server.log()
    assert server.cli("check").returncode == 0
    server.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server with a few files on disk."""
    server = Server(tmp_path / "data", workers=1).start()
    yield server
    server.close()


def test_a_disk_that_becomes_read_only_refuses_uploads_and_serves_reads(server: Server) -> None:
    """ext4 does this after an error; it is not a bug, and the log has no traceback."""
    image = server.upload(jpeg(1))
    server.finished(image["job"]["id"])

    with mounted(server.data_dir / "tmp", "ro"):
        refused = server.client.post("/api/v1/images", files={"file": ("b.jpg", jpeg(2))})
        ready = server.client.get("/readyz")
        original = server.client.get(f"/images/{image['id']}")
        variant = server.client.get(f"/images/{image['id']}?w=33")

    assert refused.status_code == 503
    assert refused.json()["detail"] == "The disk cannot be used now."
    assert ready.status_code == 503
    assert ready.json()["checks"]["disk"] == "The data directory cannot be written to."
    assert (original.status_code, variant.status_code) == (200, 200)
    assert "Read-only file system" in server.log()
    assert "Traceback" not in server.log()
    server.upload(jpeg(2))


@pytest.mark.breadth
def test_a_start_that_the_system_refuses_is_reported_in_one_line(server: Server) -> None:
    """An example is orphans that cannot be removed from a read-only disk."""
    server.stop()
    tmp = server.data_dir / "tmp"
    with mounted(tmp):
        (tmp / "left").touch()
        subprocess.run(["mount", "-o", "remount,ro", str(tmp)], check=True)
        with pytest.raises(AssertionError, match="the server ended"):
            server.start()

    assert '"action":"service.failed"' in server.log()
    assert "Read-only file system" in server.log()
    assert "Traceback" not in server.log()
    server.start()


def test_a_database_that_cannot_be_opened_is_reported_with_its_reason(server: Server) -> None:
    """The message has its path and the error of SQLite; server log and commands agree."""
    server.stop()
    wal = server.data_dir / "imagesvc.db-wal"
    wal.mkdir()

    command = server.cli("gc")
    with pytest.raises(AssertionError, match="the server ended"):
        server.start()

    assert command.returncode == 2
    path = server.data_dir / "imagesvc.db"
    told = f"The database {path} cannot be used: unable to open database file."
    assert command.stderr == f"imagesvc: {told}\n"
    assert told in server.log()
    assert "Traceback" not in server.log()
