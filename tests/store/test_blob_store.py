"""The promises of a blob store, for each implementation of `BlobStore`."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from imagesvc.errors import NotFound
from imagesvc.model.ids import BlobName, Digest, digest_of
from imagesvc.store.files.blobs import BlobStore
from imagesvc.store.files.blobs_fs import FileBlobStore
from imagesvc.store.objects.blobs import ObjectBlobStore
from imagesvc.store.objects.downloads import DownloadCache
from imagesvc.store.objects.opening import open_blob_bucket
from tests.radosgw import Radosgw
from tests.store.named_blobs import NamedBlobs

pytestmark = pytest.mark.anyio
FILES: dict[str, Callable[[Path], BlobStore]] = {"files": FileBlobStore, "named": NamedBlobs}
CONTENT = bytes(range(256)) * 1000
DIGEST = Digest(hashlib.sha256(CONTENT).hexdigest())
MISSING = BlobName("0" * 64)


@pytest.fixture(params=[*FILES, pytest.param("bucket", marks=pytest.mark.cluster)])
async def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    """An empty store."""
    folder = tmp_path / "store"
    if request.param == "bucket":
        service: Radosgw = request.getfixturevalue("radosgw")
        downloads = DownloadCache(folder, 1 << 30)
        await downloads.open()
        return ObjectBlobStore(open_blob_bucket(service.new_url()), downloads)
    folder.mkdir()
    return FILES[request.param](folder)


async def damage(blobs: BlobStore, name: BlobName) -> None:
    """Change a byte behind the store's back."""
    damaged = CONTENT[:-1] + b"!"
    if isinstance(blobs, ObjectBlobStore):
        await blobs.bucket.put(f"blobs/{name}", damaged)
        return
    async with blobs.local(name) as path:
        path.chmod(0o600)
        path.write_bytes(damaged)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file that is not in the store."""
    path = tmp_path / "source"
    write(path, CONTENT)
    return path


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def is_there(path: Path) -> bool:
    return path.exists()


async def read(blobs: BlobStore, name: BlobName, start: int, stop: int) -> bytes:
    return b"".join([piece async for piece in blobs.stream(name, start, stop)])


async def names(blobs: BlobStore) -> list[BlobName]:
    return [blob.name async for some in blobs.all() for blob in some]


async def test_a_blob_is_read_as_it_was_put(blobs: BlobStore, source: Path) -> None:
    """As a whole, in part, and as a local file."""
    name = await blobs.put(source, DIGEST)

    assert digest_of(name) == DIGEST
    assert await read(blobs, name, 0, len(CONTENT)) == CONTENT
    assert await read(blobs, name, 100, 70_000) == CONTENT[100:70_000]
    assert await read(blobs, name, 5, 5) == b""
    async with blobs.local(name) as path:
        assert path.read_bytes() == CONTENT
    assert await blobs.size(name) == len(CONTENT)
    assert await blobs.is_sound(name)
    assert not is_there(source)


async def test_putting_a_blob_again_keeps_it(blobs: BlobStore, source: Path) -> None:
    """Two users may upload the same file; it may be stored again under another name."""
    put = await blobs.put(source, DIGEST)
    write(source, CONTENT)

    put_again = await blobs.put(source, DIGEST)

    assert await names(blobs) == sorted({put, put_again})
    for name in (put, put_again):
        assert await blobs.is_sound(name)
    assert not is_there(source)


async def test_a_missing_blob_has_no_size_and_no_bytes(blobs: BlobStore) -> None:
    """A store that is there can say that a blob is not."""
    await blobs.check()

    assert await blobs.size(MISSING) is None
    assert await blobs.stamp(MISSING) is None
    with pytest.raises(NotFound):
        await read(blobs, MISSING, 0, 1)
    with pytest.raises(NotFound):
        await blobs.is_sound(MISSING)
    with pytest.raises(FileNotFoundError):
        async with blobs.local(MISSING) as path:
            path.read_bytes()


async def test_a_deleted_blob_is_missing(blobs: BlobStore, source: Path) -> None:
    """A second deletion has no effect."""
    name = await blobs.put(source, DIGEST)
    async with blobs.local(name) as path:
        assert is_there(path)

    await blobs.delete(name)
    assert not is_there(path)
    await blobs.delete(name)

    assert await blobs.size(name) is None
    assert await names(blobs) == []
    async with blobs.local(name) as path:
        assert not is_there(path)


async def test_all_blobs_are_listed_in_the_order_of_their_names(
    blobs: BlobStore, source: Path
) -> None:
    """The garbage collection compares this list with the rows."""
    contents = {Digest(hashlib.sha256(one).hexdigest()): one for one in (b"a", b"bb", b"ccc")}
    for digest, content in contents.items():
        write(source, content)
        await blobs.put(source, digest)

    listed = [blob async for some in blobs.all() for blob in some]

    assert [blob.digest for blob in listed] == sorted(contents)
    assert [blob.bytes for blob in listed] == [len(contents[it.digest]) for it in listed]


async def test_a_changed_blob_has_another_stamp_and_is_not_sound(
    blobs: BlobStore, source: Path
) -> None:
    """A stamp stays the same while nothing changes."""
    name = await blobs.put(source, DIGEST)
    before = await blobs.stamp(name)
    assert before is not None
    assert before.bytes == len(CONTENT)
    assert await blobs.stamp(name) == before

    await damage(blobs, name)

    assert await blobs.stamp(name) != before
    assert not await blobs.is_sound(name)


async def test_blobs_come_and_go_at_once_in_one_directory(blobs: BlobStore, tmp_path: Path) -> None:
    """The last deletion removes the directory, at any moment of another `put`."""
    rounds = 10 if isinstance(blobs, ObjectBlobStore) else 300  # a bucket has no directories

    async def use(name: str) -> None:
        source = tmp_path / name
        for _ in range(rounds):
            write(source, CONTENT[:1])
            await blobs.delete(await blobs.put(source, Digest("0" * 63 + name)))

    await asyncio.gather(*map(use, "abcd"))

    assert await names(blobs) == []
