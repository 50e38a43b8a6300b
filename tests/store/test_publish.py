"""Publishing: a blob with its rows, or neither."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from imagesvc.errors import Conflict, NotFound, OutcomeUnknown
from imagesvc.library.accept import UploadFields
from imagesvc.model.ids import BlobName, Digest
from imagesvc.service.service import Service
from imagesvc.store.files.blobs_fs import FileBlobStore
from imagesvc.store.publish import Publisher
from tests.breadth import represented
from tests.crash.pictures import jpeg
from tests.gates import Gate, cancelled_at
from tests.jobs.service import running_service, upload

pytestmark = pytest.mark.anyio
CONTENT = jpeg(1)


class GatedBlobs(FileBlobStore):
    """A blob store with a gate behind each blob that it has stored."""

    def __init__(self, root: Path, gate: Gate) -> None:
        super().__init__(root)
        self._gate = gate

    async def put(self, source: Path, digest: Digest) -> BlobName:
        """Store, then wait at the gate."""
        name = await super().put(source, digest)
        await self._gate.wait()
        return name


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """A service whose blobs nothing else uses."""
    async with running_service(tmp_path / "data") as running:
        yield running


def gated(service: Service, gate: Gate) -> Publisher:
    """A publisher that waits when the blob is stored and its rows are not."""
    blobs = GatedBlobs(service.files.data_dir.blobs, gate)
    return replace(service.stores.publisher, blobs=blobs)


def files(service: Service) -> list[Path]:
    """Every file of a blob or of an upload."""
    places = service.files.data_dir.blobs, service.files.data_dir.tmp
    return [path for place in places for path in place.rglob("*") if path.is_file()]


async def publish(service: Service, publisher: Publisher, *, adds: bool | Exception) -> bool:
    """Publish a file; `adds` is what comes of adding its rows."""

    async def add_rows(name: BlobName) -> BlobName | None:
        if isinstance(adds, Exception):
            raise adds
        return name if adds else None

    async with service.files.incoming.receive() as file:
        await file.write(CONTENT)
        return await publisher.publish(await file.finish(), add_rows)


async def test_a_blob_without_rows_is_removed(service: Service) -> None:
    """Whether adding them failed, or there was nothing to add."""
    publisher = service.acceptor.publisher

    assert not await publish(service, publisher, adds=False)
    assert files(service) == []
    with pytest.raises(Conflict):
        await publish(service, publisher, adds=Conflict("no"))
    assert files(service) == []


async def test_a_blob_stays_whose_rows_may_have_been_committed(service: Service) -> None:
    """Without them, it is an orphan, which is collected."""
    with pytest.raises(OutcomeUnknown):
        await publish(service, service.stores.publisher, adds=OutcomeUnknown("lost"))

    assert [path.read_bytes() for path in files(service)] == [CONTENT]
    found = await service.collector.collect(grace_seconds=0)
    assert (found.blobs, files(service)) == (1, [])


async def test_a_blob_that_other_rows_know_stays(service: Service) -> None:
    """An image had the same bytes before."""
    image = await upload(service, CONTENT)

    assert not await publish(service, service.acceptor.publisher, adds=False)

    assert await service.files.blobs.is_sound(image.original.name)


async def test_an_upload_cancelled_between_blob_and_row_gets_its_row(service: Service) -> None:
    """The blob is on its way; the image is made, and its job is run."""
    gate = Gate()
    acceptor = replace(service.acceptor, publisher=gated(service, gate))

    async def taken() -> None:
        async with service.files.incoming.receive() as file:
            await file.write(CONTENT)
            await acceptor.accept(await file.finish(), UploadFields("a.jpg"))

    await cancelled_at(gate, taken())

    [(name, size)] = await service.stores.images.blobs_after("", 10)
    assert size == len(CONTENT)
    assert files(service) == [service.files.blobs.path(name)]


NOT_THERE = NotFound("gone")


@pytest.mark.parametrize("adds", represented([False, NOT_THERE], NOT_THERE))
async def test_a_blob_cancelled_before_it_gets_no_rows_is_removed(
    service: Service, adds: bool | Exception
) -> None:
    """The publishing is undone although nothing waits for it any more."""
    gate = Gate()

    await cancelled_at(gate, publish(service, gated(service, gate), adds=adds))

    assert files(service) == []
