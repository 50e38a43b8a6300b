"""The disk tier: damage is noticed, space is bounded, the least recently used goes first."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from tests.breadth import represented
from tests.conftest import MakeServer
from tests.crash.pictures import jpeg
from tests.crash.traffic import rows
from tests.server import Server
from tests.waiting import until

NO_MEMORY = {"memory_cache_size": 1, "workers": 1}
PICTURE = jpeg(1, 400, 300)


def files(server: Server) -> list[Path]:
    """The variants on disk."""
    return [path for path in (server.data_dir / "variants").rglob("*") if path.is_file()]


def bytes_on_disk(server: Server) -> int:
    """Bytes of the variants on disk; some may be removed while they are counted."""
    total = 0
    for path in files(server):
        with contextlib.suppress(FileNotFoundError):
            total += path.stat().st_size
    return total


def stored(server: Server) -> int:
    """Bytes of the variants that have a row."""
    (total,) = rows(server.data_dir, "SELECT COALESCE(SUM(bytes), 0) FROM variants")
    return int(total)


@pytest.mark.parametrize("damage", represented(("bit", "cut", "empty", "gone"), "bit"))
def test_a_damaged_variant_is_made_again(make_server: MakeServer, damage: str) -> None:
    """Its file is not fsynced, so a power cut may damage it."""
    server = make_server(eager_presets='["thumbnail"]', **NO_MEMORY)
    image = server.upload(PICTURE)
    server.finished(image["job"]["id"])
    url = f"/images/{image['id']}/thumbnail"
    (path,) = files(server)
    content = path.read_bytes()
    assert server.client.get(url).content == content

    if damage == "bit":
        path.write_bytes(content[:200] + bytes([content[200] ^ 1]) + content[201:])
    elif damage == "gone":
        path.unlink()
    else:
        path.write_bytes(content[: len(content) // 2 if damage == "cut" else 0])

    assert server.client.get(url).content == content
    until(lambda: path.exists() and path.read_bytes() == content)


@pytest.mark.breadth
def test_a_damaged_variant_too_large_for_memory_is_made_again(make_server: MakeServer) -> None:
    """It is sent from its file, whose checksum is still verified."""
    server = make_server(eager_presets="[]", **NO_MEMORY)
    image = server.upload(jpeg(2, 1400, 1100))
    url = f"/images/{image['id']}?format=png"
    content = server.client.get(url).content
    assert len(content) > 4 << 20
    (path,) = files(server)

    path.write_bytes(content[:-5] + b"!!!!!")

    assert server.client.get(url).content == content


@pytest.mark.breadth
def test_variants_on_disk_stay_within_their_bytes(make_server: MakeServer) -> None:
    """Any requester can request any width, but the disk is for originals."""
    limit = 300_000
    server = make_server(eager_presets="[]", variant_disk_size=limit, **NO_MEMORY)
    image = server.upload(PICTURE)
    sizes = [
        len(server.client.get(f"/images/{image['id']}?w={width}").content)
        for width in range(300, 390)
    ]
    assert sum(sizes) > 3 * limit

    until(lambda: stored(server) <= limit)
    until(lambda: bytes_on_disk(server) <= limit)
    assert stored(server) > limit / 2


@pytest.mark.breadth
def test_a_variant_in_use_outlives_unused_ones(make_server: MakeServer) -> None:
    """Each use is recorded, and kept over a restart."""
    server = make_server(eager_presets="[]", variant_disk_size=300_000, **NO_MEMORY)
    image = server.upload(PICTURE)
    favourite = f"/images/{image['id']}?w=299"
    server.client.get(favourite)
    until(lambda: files(server))
    (path,) = files(server)

    for width in range(300, 360):
        server.client.get(f"/images/{image['id']}?w={width}")
        server.client.get(favourite)
        if width == 330:
            server.stop()
            server.start()

    until(lambda: stored(server) <= 300_000)
    assert path.name in rows(server.data_dir, "SELECT key FROM variants")
