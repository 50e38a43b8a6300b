"""Blobs with names of their own, as in buckets: which exist is decided by the rows alone."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import select

from imagesvc.errors import Conflict
from imagesvc.library.checking.blobs import Checker
from imagesvc.library.checking.report import Report
from imagesvc.library.garbage import Collector
from imagesvc.library.identity import Identity
from imagesvc.model.formats import Format
from imagesvc.model.ids import BlobName, Digest, ImageId, digest_of
from imagesvc.model.images import Image, Mezzanine
from imagesvc.store.db.database import Database
from imagesvc.store.db.schema.images import images
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.files.incoming import Incoming
from imagesvc.store.files.locks import NoLocks
from imagesvc.store.files.variant_files import VariantFiles
from imagesvc.store.files.verified import VerifiedBlobs
from imagesvc.store.images import ImageStore
from imagesvc.store.pending_uploads import PendingUploadStore
from imagesvc.store.publish import Publisher
from imagesvc.store.variants import VariantStore
from tests.store.named_blobs import NamedBlobs
from tests.store.rows import NOON, image_and_job

pytestmark = pytest.mark.anyio
CONTENT, REDUCED = b"a picture", b"a reduced picture"


@dataclass
class Node:
    """The stores of one node, which has no locks."""

    database: Database
    data_dir: DataDir
    blobs: NamedBlobs
    images: ImageStore
    publisher: Publisher

    async def publish(self, content: bytes, image: Image | None = None) -> Image:
        """Add an image with this content; or, given an image, its mezzanine."""
        made, job = image_and_job()
        incoming = Incoming(self.data_dir, max_bytes=1 << 20, min_free_bytes=0)
        async with incoming.receive() as file:
            await file.write(content)
            received = await file.finish()
            new = replace(made, original=replace(made.original, digest=received.digest))

            async def add(name: BlobName) -> BlobName | None:
                if image is None:
                    added = await self.images.add(new.stored_as(name), job)
                    return added.original.name
                reduced = Mezzanine(digest_of(name), Format.JPEG, 2, 1, name)
                original = image.original.digest
                return await self.images.add_mezzanine(image.id, original, reduced, 9, NOON)

            await self.publisher.publish(received, add)
        return await self.images.get(new.id if image is None else image.id)

    async def remove(self, image: Image) -> None:
        """Delete an image, as the library does."""
        removed = await self.images.remove(image.id, now=NOON)
        names = [removed.blob]
        if removed.mezzanine is not None:
            names.append(await self.images.remove_mezzanine(removed.mezzanine))
        for name in names:
            if name is not None:
                await self.blobs.delete(name)

    async def stored(self) -> set[BlobName]:
        """All blobs that there are."""
        return {blob.name async for batch in self.blobs.all() for blob in batch}


@pytest.fixture
def node(database: Database, tmp_path: Path) -> Node:
    """A node with an empty store."""
    data_dir = DataDir(tmp_path / "data")
    data_dir.create()
    blobs, store = NamedBlobs(data_dir.blobs), ImageStore(database)
    publisher = Publisher(blobs, VerifiedBlobs(blobs), store, NoLocks())
    return Node(database, data_dir, blobs, store, publisher)


def names(*some: Image) -> set[BlobName]:
    """What images are stored as."""
    return {image.original.name for image in some}


async def test_images_with_the_same_bytes_share_the_blob_of_the_first(node: Node) -> None:
    """What the second upload has stored is removed, and the first stays until the last image."""
    first, second = await node.publish(CONTENT), await node.publish(CONTENT)

    assert first.original.own_name is not None
    assert await node.stored() == names(first, second) == names(first)

    await node.remove(first)
    assert await node.stored() == names(second)
    await node.remove(second)
    assert await node.stored() == set()


async def test_a_blob_that_got_no_rows_is_removed_and_that_of_the_rows_stays(node: Node) -> None:
    """Both have the same bytes."""
    image = await node.publish(CONTENT)
    incoming = Incoming(node.data_dir, max_bytes=1 << 20, min_free_bytes=0)

    async def refuse(_name: BlobName) -> BlobName | None:
        raise Conflict("no")

    async with incoming.receive() as file:
        await file.write(CONTENT)
        with pytest.raises(Conflict):
            await node.publisher.publish(await file.finish(), refuse)

    assert await node.stored() == names(image)


async def test_mezzanines_have_names_and_go_with_the_last_original(node: Node) -> None:
    """A mezzanine that is there already keeps its name."""
    one, other = await node.publish(b"one"), await node.publish(b"other")
    one, other = await node.publish(REDUCED, one), await node.publish(REDUCED, other)
    again = await node.publish(REDUCED, one)

    reduced = {name for it in (one, other, again) if (name := mezzanine_of(it))}
    assert len(reduced) == 1
    assert await node.stored() == names(one, other) | reduced

    await node.remove(one)
    assert await node.stored() == names(other) | reduced
    await node.remove(other)
    assert await node.stored() == set()


def mezzanine_of(image: Image) -> BlobName | None:
    """The name of a mezzanine."""
    mezzanine = image.original.mezzanine
    return None if mezzanine is None else mezzanine.name


@pytest.mark.parametrize("harm", ["missing", "damaged"])
async def test_an_upload_replaces_a_blob_that_was_lost(node: Node, harm: str) -> None:
    """All images with these bytes have the new one, also those that it is the mezzanine of."""
    original = await node.publish(b"original")
    reduced = await node.publish(CONTENT, original)
    image = await node.publish(CONTENT)
    [old] = names(image)
    if harm == "missing":
        await node.blobs.delete(old)
    else:
        node.blobs.path(old).write_bytes(b"no picture"[: len(CONTENT)])

    again = await node.publish(CONTENT)

    image, reduced = await node.images.get(image.id), await node.images.get(reduced.id)
    [new] = names(image, again)
    assert new != old
    assert mezzanine_of(reduced) == new
    assert node.publisher.verified.damaged == 0
    assert await node.blobs.is_sound(new)


async def test_collection_removes_blobs_whose_names_no_row_has(node: Node, tmp_path: Path) -> None:
    """Another blob with the same bytes is an orphan, too, once its upload must have ended."""
    image = await node.publish(CONTENT)
    source = tmp_path / "half"
    source.write_bytes(CONTENT)
    await node.blobs.put(source, Digest(hashlib.sha256(CONTENT).hexdigest()))
    collector = Collector(
        node.data_dir, node.blobs, node.images, NoLocks(), VariantFiles(node.data_dir.variants),
        VariantStore(node.database), PendingUploadStore(node.database),
        Identity(node.database, node.images, None, None),
    )  # fmt: skip

    in_progress = await collector.collect(grace_seconds=0)
    assert in_progress.blobs == 0

    node.blobs.older_by = 3600
    found = await collector.collect(grace_seconds=0)
    assert found.blobs == 1
    assert await node.stored() == names(image)


async def test_uploads_and_deletions_of_the_same_bytes_at_once_lose_and_leave_nothing(
    node: Node,
) -> None:
    """No lock keeps them apart: each image has a blob, and each blob an image."""

    async def use(number: int) -> None:
        image = await node.publish(CONTENT)
        await node.publish(REDUCED, image)
        if number % 4:
            await node.remove(image)

    for _ in range(5):
        await asyncio.gather(*map(node.remove, await images_of(node)), *map(use, range(16)))

    left = await images_of(node)
    reduced = {name for image in left if (name := mezzanine_of(image))}
    assert len(left) == 4
    assert len(names(*left)) == 1
    assert await node.stored() == names(*left) | reduced


async def images_of(node: Node) -> list[Image]:
    """All images."""
    query = select(images.c.id)
    ids = await node.database.read(lambda connection: connection.scalars(query).all())
    return list((await node.images.several([ImageId(it) for it in ids])).values())


class Hasty(NamedBlobs):
    """At the second question for a size, the image is deleted: rows first, then the blob."""

    questions = 0
    deletion: Awaitable[None] | None = None

    async def size(self, name: BlobName | Digest) -> int | None:
        """See `BlobStore`."""
        self.questions += 1
        if self.questions == 2 and self.deletion is not None:
            await self.deletion
        return await super().size(name)


async def test_a_verification_takes_no_deletion_for_damage_and_no_upload_for_an_orphan(
    node: Node, tmp_path: Path
) -> None:
    """Where there are no locks, the blob is asked for before its row."""
    kept, deleted = await node.publish(REDUCED[:9]), await node.publish(CONTENT)
    node.blobs.path(deleted.original.name).write_bytes(b"cut")
    source = tmp_path / "half"
    source.write_bytes(b"half")
    half = await node.blobs.put(source, Digest(hashlib.sha256(b"half").hexdigest()))
    hasty, report = Hasty(node.blobs.root), Report()
    hasty.questions = 0 if deleted.original.name < kept.original.name else -1
    hasty.deletion = node.remove(deleted)

    await Checker(hasty, node.images, NoLocks(), report, 1, NoLocks.orphan_seconds).check()

    assert hasty.questions >= 2
    assert report.is_sound, report
    assert (report.verified, report.without_row) == (1, [])
    hasty.older_by = NoLocks.orphan_seconds
    await Checker(hasty, node.images, NoLocks(), report, 1, NoLocks.orphan_seconds).check()
    assert report.without_row == [hasty.where(half)]
