"""Blobs in a bucket that is damaged, missing, or cannot be reached."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from imagesvc.errors import OriginalDamaged, Unavailable
from imagesvc.model.ids import BlobName, Digest
from imagesvc.store.files.verified import VerifiedBlobs
from imagesvc.store.objects.blobs import ObjectBlobStore
from imagesvc.store.objects.buckets import Bucket
from imagesvc.store.objects.downloads import DownloadCache
from imagesvc.store.objects.opening import open_blob_bucket
from tests.cut_proxy import cut_proxy
from tests.radosgw import Radosgw

pytestmark = [pytest.mark.anyio, pytest.mark.cluster]
CONTENT = bytes(range(256)) * 12_000
DIGEST = Digest(hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture
async def downloads(tmp_path: Path) -> DownloadCache:
    """An empty cache."""
    cache = DownloadCache(tmp_path / "scratch", 1 << 30)
    await cache.open()
    return cache


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A received file."""
    return received(tmp_path / "source")


def received(path: Path) -> Path:
    """Write a received file."""
    path.write_bytes(CONTENT)
    return path


def content_of(path: Path) -> bytes:
    return path.read_bytes()


def kept_in(folder: Path) -> list[Path]:
    """The files of the cache."""
    return [path for path in (folder / "scratch").rglob("*") if path.is_file()]


async def local(blobs: ObjectBlobStore, name: BlobName) -> bytes:
    """What a worker reads."""
    async with blobs.local(name) as path:
        return content_of(path)


async def test_a_damaged_object_is_never_given_to_a_worker(
    radosgw: Radosgw, downloads: DownloadCache, source: Path, tmp_path: Path
) -> None:
    """Not even when it has no bytes; the file is not kept. Another object is not affected."""
    blobs = ObjectBlobStore(open_blob_bucket(radosgw.new_url()), downloads)
    other = await blobs.put(received(tmp_path / "other"), DIGEST)
    name = await blobs.put(source, DIGEST)
    assert name != other
    for damaged in (CONTENT[:-1] + b"!", b""):
        await blobs.bucket.put(f"blobs/{name}", damaged)

        with pytest.raises(OriginalDamaged):
            await local(blobs, name)
        assert kept_in(tmp_path) == []

    assert await local(blobs, other) == CONTENT


async def test_nothing_is_said_of_blobs_when_there_is_no_bucket(
    radosgw: Radosgw, downloads: DownloadCache, source: Path
) -> None:
    """They are not missing: rows and jobs stay as they are."""
    blobs = ObjectBlobStore(open_blob_bucket(radosgw.url("test-missing")), downloads)
    name = BlobName(DIGEST)

    for attempt in (
        blobs.check(), blobs.size(name), blobs.stamp(name), blobs.is_sound(name),
        blobs.delete(name), local(blobs, name), blobs.put(source, DIGEST),
        anext(blobs.stream(name, 0, 1)), anext(blobs.stream(name, 0, 0)), anext(blobs.all()),
    ):  # fmt: skip
        with pytest.raises(Unavailable, match="there is no such bucket"):
            await attempt
    assert content_of(source) == CONTENT


async def test_a_connection_that_breaks_leaves_no_part_of_a_file(
    radosgw: Radosgw, downloads: DownloadCache, source: Path, tmp_path: Path
) -> None:
    """A file that could not be stored stays for the next attempt."""
    with cut_proxy(radosgw.port) as proxy:
        url = radosgw.new_url(endpoint=proxy.address)
        blobs = ObjectBlobStore(open_blob_bucket(url), downloads)
        proxy.cut_up_after(len(CONTENT) // 2)
        with pytest.raises(Unavailable, match="cannot be reached"):
            await blobs.put(source, DIGEST)
        assert content_of(source) == CONTENT
        proxy.heal()
        name = await blobs.put(source, DIGEST)

        proxy.cut_down_after(len(CONTENT) // 2)
        with pytest.raises(Unavailable):
            await local(blobs, name)
        assert kept_in(tmp_path) == []
        proxy.heal()
        assert await local(blobs, name) == CONTENT


class Counted(Bucket):
    """Counts the objects that are read."""

    reads = 0

    def stream(self, key: str, *arguments: Any, **options: Any) -> AsyncIterator[bytes]:
        """See `Bucket`."""
        self.reads += 1
        return super().stream(key, *arguments, **options)


async def test_an_original_that_is_decoded_is_read_once(
    radosgw: Radosgw, downloads: DownloadCache, source: Path
) -> None:
    """It is compared with its digest while it is fetched, and damage is counted."""
    opened = open_blob_bucket(radosgw.new_url())
    bucket = Counted(opened.url, opened._store, opened._library)
    blobs = ObjectBlobStore(bucket, downloads)
    verified = VerifiedBlobs(blobs)
    name = await blobs.put(source, DIGEST)

    async with verified.local(name) as path:
        assert content_of(path) == CONTENT
    assert (bucket.reads, verified.damaged) == (1, 0)

    await downloads.remove(name)
    await bucket.put(f"blobs/{name}", CONTENT[:-1] + b"!")
    with pytest.raises(OriginalDamaged):
        async with verified.local(name):
            pass
    assert (bucket.reads, verified.damaged) == (2, 1)
    await verified.close()
