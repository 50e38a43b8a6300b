"""`imagesvc check`: what a disk did to the originals is found, and said by the exit status."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.pictures import jpeg
from tests.server import Server


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a server that has taken three images, and stopped."""
    server = Server(tmp_path_factory.mktemp("stock") / "data", workers=1).start()
    for seed in range(3):
        server.finished(server.upload(jpeg(seed))["job"]["id"])
    server.close()
    return server.data_dir


@pytest.fixture
def stocked(stock: Path, tmp_path: Path) -> Iterator[Server]:
    """A server with three images, not yet started."""
    server = Server(Path(shutil.copytree(stock, tmp_path / "data")), workers=1)
    yield server
    server.close()


def blob(server: Server, number: int = 0) -> Path:
    """The file of one of the originals."""
    digest = sorted(server.blobs())[number]
    return server.data_dir / "blobs" / digest[:2] / digest[2:4] / digest


def test_sound_data_is_called_sound(stocked: Server) -> None:
    """Exit status 0, beside the running server."""
    checked = stocked.start().cli("check")

    assert checked.returncode == 0
    assert "3 blobs verified" in checked.stdout


@pytest.mark.parametrize("damage", ["bit", "cut", "gone"])
def test_a_damaged_blob_is_named_and_fails_the_check(stocked: Server, damage: str) -> None:
    """So that a scheduled check can raise an alarm."""
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
    assert path.name in checked.stdout
    assert "2 blobs verified" in checked.stdout


def test_repair_sets_a_damaged_blob_aside_and_the_same_upload_heals_it(stocked: Server) -> None:
    """No wrong bytes are served as the original; the right ones can come back."""
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


def test_a_blob_without_a_row_is_told_and_is_no_damage(stocked: Server) -> None:
    """A crash may leave one; `gc` takes it away."""
    orphan = stocked.data_dir / "blobs" / "ab" / "cd" / ("abcd" + "0" * 60)
    orphan.parent.mkdir(parents=True, exist_ok=True)
    orphan.write_bytes(b"x")

    checked = stocked.cli("check")

    assert checked.returncode == 0
    assert orphan.name in checked.stdout
