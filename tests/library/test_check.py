"""`imagesvc check` finds damage to originals, and reports it by the exit status."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import commands
from tests.server import Server
from tests.store.stock import make_stock


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a server that accepted three images and was stopped."""
    return make_stock(tmp_path_factory.mktemp("stock"), 3)


def blob(server: Server, number: int = 0) -> Path:
    """The file of one of the originals."""
    digest = sorted(server.blobs())[number]
    return server.data_dir / "blobs" / digest[:2] / digest[2:4] / digest


def test_intact_data_is_reported_as_sound(stocked: Server) -> None:
    """The exit status is 0, with a running server, too."""
    checked = stocked.start().cli("check")

    assert checked.returncode == 0
    assert "3 blobs verified" in checked.stdout


@pytest.mark.parametrize("damage", ["bit", "cut", "gone"])
def test_a_damaged_blob_is_named_and_fails_the_check(stocked: Server, damage: str) -> None:
    """A scheduled check can raise an alarm."""
    path = blob(stocked)
    content = path.read_bytes()
    if damage == "bit":
        path.write_bytes(content[:50] + bytes([content[50] ^ 1]) + content[51:])
    elif damage == "cut":
        path.write_bytes(content[:-1])
    else:
        path.unlink()

    checked = stocked.cli("check")

    assert checked.returncode == 1
    (line,) = [line for line in checked.stdout.splitlines() if path.name in line]
    assert str(path) in line
    assert "original of image 01" in line
    assert '"a.jpg"' in line
    assert "2 blobs verified" in checked.stdout


def test_repair_sets_a_damaged_blob_aside_and_the_same_upload_heals_it(stocked: Server) -> None:
    """Damaged bytes are never served as the original; an upload of the correct ones restores it."""
    stocked.start()
    path = blob(stocked)
    content = path.read_bytes()
    path.write_bytes(b"damaged")

    assert stocked.cli("check", "--repair").returncode == 1

    assert not path.exists()
    assert (stocked.data_dir / "quarantine" / path.name).read_bytes() == b"damaged"
    images = stocked.client.get("/api/v1/images").json()["data"]
    (hurt,) = [image["id"] for image in images if image["sha256"] == path.name]
    assert stocked.client.get(f"/images/{hurt}").status_code == 404
    stocked.upload(content)
    assert stocked.client.get(f"/images/{hurt}").content == content
    assert stocked.cli("check").returncode == 0


def test_a_blob_without_a_row_is_reported_and_is_not_damage(stocked: Server) -> None:
    """A crash may leave one; `gc` removes it."""
    orphan = stocked.data_dir / "blobs" / "ab" / "cd" / ("abcd" + "0" * 60)
    orphan.parent.mkdir(parents=True, exist_ok=True)
    orphan.write_bytes(b"x")

    checked = stocked.cli("check")

    assert checked.returncode == 0
    assert str(orphan) in checked.stdout


@pytest.mark.parametrize(
    ("path", "mode", "said"),
    [
        ("imagesvc.db", 0o400, "imagesvc.db: this user may not write to it"),
        ("imagesvc.db", 0o000, "imagesvc.db: this user may not read it"),
        ("blobs/*", 0o000, "this user may not read it"),
        ("blobs/*/*", 0o500, "this user may not write to it"),
        ("blobs/*/*/*", 0o000, "this user may not read it"),
        ("variants/*", 0o000, "this user may not read it"),
    ],
)
def test_inaccessible_data_is_not_sound(stocked: Server, path: str, mode: int, said: str) -> None:
    """A check that cannot read the data has verified nothing."""
    data_dir = stocked.data_dir
    denied = min(data_dir.glob(path))
    before = denied.stat().st_mode
    denied.chmod(mode)
    try:
        checked = commands.run("check", "--repair", "--data-dir", str(data_dir), obeys_modes=True)
    finally:
        denied.chmod(before)

    assert checked.returncode in {1, 2}, checked.stdout + checked.stderr
    assert said in checked.stdout + checked.stderr
    assert str(denied) in checked.stdout + checked.stderr
    assert "Traceback" not in checked.stderr
    assert len(stocked.blobs()) == 3
