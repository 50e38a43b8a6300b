"""An original whose bytes have changed on the disk is not delivered as intact."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from imagesvc.errors import OriginalDamaged
from imagesvc.store.files.blobs_fs import FileBlobStore
from imagesvc.store.files.verified import MAX_AWAITED_BYTES, VerifiedBlobs
from tests.conftest import MakeServer
from tests.crash.pictures import jpeg, png
from tests.http.asking import assert_problem
from tests.server import Server
from tests.waiting import PATIENCE, until


def flip(server: Server, digest: str) -> Path:
    """Change one bit of a blob like a faulty disk, without the file system's knowledge."""
    path = server.data_dir / "blobs" / digest[:2] / digest[2:4] / digest
    stat = path.stat()
    with path.open("r+b") as file:
        file.seek(-200, os.SEEK_END)
        (byte,) = file.read(1)
        file.seek(-200, os.SEEK_END)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    return path


def damaged_count(server: Server) -> float:
    """The count in the metrics."""
    lines = server.client.get("/metrics").text.splitlines()
    (value,) = (line.split()[1] for line in lines if line.startswith("imagesvc_blobs_damaged "))
    return float(value)


def test_a_flipped_original_is_refused_at_its_first_use_after_a_start(
    make_server: MakeServer,
) -> None:
    """The whole, a part, or a variant: 503, a log line, a metric; `check` finds it, too."""
    server = make_server(workers=1, eager_presets="[]")
    content = jpeg(1, 300, 200)
    image = server.upload(content)
    server.finished(image["job"]["id"])
    assert server.client.get(f"/images/{image['id']}").content == content
    server.stop()
    flip(server, image["sha256"])
    server.start()

    for url, headers in (
        (f"/images/{image['id']}", {}),
        (f"/images/{image['id']}", {"range": "bytes=0-9"}),
        (f"/images/{image['id']}?w=30&exact=1", {}),
    ):
        assert_problem(server.client.get(url, headers=headers), 503, "original_damaged")

    assert damaged_count(server) == 1
    assert server.log().count("blob.damaged") == 1
    assert server.client.get("/readyz").status_code == 200
    assert image["sha256"] in server.cli("check").stdout
    server.upload(content)  # the same bytes take the place of the damaged ones
    assert server.client.get(f"/images/{image['id']}").content == content
    assert server.client.get(f"/images/{image['id']}?w=30&exact=1").status_code == 200
    assert damaged_count(server) == 0


def test_a_large_original_is_sent_while_it_is_verified(make_server: MakeServer) -> None:
    """The response does not wait for the digest of a large file.

    After that, the file is refused.
    """
    server = make_server(workers=1, eager_presets="[]", max_upload_size="64MiB")
    content = png(2, 2200, 1400)
    assert len(content) > MAX_AWAITED_BYTES
    image = server.upload(content, "a.png")
    server.finished(image["job"]["id"])
    server.stop()
    flip(server, image["sha256"])
    server.start()

    first = server.client.get(f"/images/{image['id']}", headers={"range": "bytes=0-99"})

    assert first.status_code == 206
    until(lambda: damaged_count(server) == 1)
    assert_problem(server.client.get(f"/images/{image['id']}"), 503, "original_damaged")
    server.client.delete(f"/api/v1/images/{image['id']}")
    assert damaged_count(server) == 0


def test_scrubbing_finds_damage_in_unread_originals(tmp_path: Path) -> None:
    """Each stored blob is verified in time, from every position of the pass."""
    root = tmp_path / "blobs"

    async def work() -> None:
        blobs = FileBlobStore(root)
        good = "0" * 64
        for name in (good, "f" * 64):
            path = blobs.path(name)  # type: ignore[arg-type]
            path.parent.mkdir(parents=True)
            path.write_bytes(b"not what the name says")
        verified = VerifiedBlobs(blobs)
        scrubbing = asyncio.create_task(verified.scrub(delay=0.01, rate=1e9))

        async with asyncio.timeout(PATIENCE):
            while verified.damaged < 2:  # noqa: ASYNC110  # nothing tells
                await asyncio.sleep(0.01)
        scrubbing.cancel()
        await asyncio.gather(scrubbing, return_exceptions=True)
        with pytest.raises(OriginalDamaged):
            async with verified.local(good):  # type: ignore[arg-type]
                pass
        await verified.close()

    asyncio.run(work())
