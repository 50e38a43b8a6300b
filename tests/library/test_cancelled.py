"""Use cases whose requester is cancelled in the middle: they are done to the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from imagesvc.errors import NotFound
from imagesvc.library.edit import Editor, ImageChange
from imagesvc.library.remove import Removal
from imagesvc.library.trash import Trash
from imagesvc.library.users import NewOwner, Users
from imagesvc.model.ids import BlobName, Digest, ImageId, UserId
from imagesvc.model.images import Image, Visibility
from imagesvc.store.accounts import UserStore
from imagesvc.store.db.database import Database
from imagesvc.store.files.blobs_fs import FileBlobStore
from imagesvc.store.images import ImageStore
from imagesvc.store.removal.trash import TrashStore
from imagesvc.store.versions import Expected
from tests.crash.pictures import jpeg
from tests.gates import Gate, cancelled_at
from tests.jobs.service import idle_service, stored

pytestmark = pytest.mark.anyio


class GatedImages(ImageStore):
    """Images with a gate behind each edit that is committed."""

    def __init__(self, database: Database, gate: Gate) -> None:
        super().__init__(database)
        self._gate = gate

    async def edit(
        self,
        image_id: ImageId,
        change: Callable[[Image], Image],
        *,
        expected: Expected,
        now: datetime,
    ) -> Image:
        """Edit, then wait at the gate."""
        changed = await super().edit(image_id, change, expected=expected, now=now)
        await self._gate.wait()
        return changed


class GatedBlobs(FileBlobStore):
    """A blob store with a gate before each deletion."""

    def __init__(self, root: Path, gate: Gate) -> None:
        super().__init__(root)
        self._gate = gate

    async def delete(self, name: BlobName | Digest) -> None:
        """Wait at the gate, then delete."""
        await self._gate.wait()
        await super().delete(name)


async def test_an_edit_that_is_committed_is_made_known_to_delivery(tmp_path: Path) -> None:
    """An image made private must not be served from memory as before."""
    gate = Gate()
    changed: list[ImageId] = []
    async with idle_service(tmp_path / "data") as service:
        image = await stored(service, jpeg(1))
        editor = Editor(GatedImages(service.stores.database, gate), changed.append)
        change = ImageChange(visibility=Visibility.PRIVATE)

        await cancelled_at(gate, editor.edit(image.id, change, None))

        assert (await service.stores.images.get(image.id)).visibility == Visibility.PRIVATE
    assert changed == [image.id]


class GatedTrash(TrashStore):
    """A trash with a gate behind each commit."""

    def __init__(self, database: Database, gate: Gate) -> None:
        super().__init__(database)
        self._gate = gate

    async def put_in(self, image_ids: Sequence[ImageId], *, now: datetime) -> None:
        """Put in, then wait at the gate."""
        await super().put_in(image_ids, now=now)
        await self._gate.wait()


async def test_a_trashing_that_is_committed_is_made_known_to_delivery(tmp_path: Path) -> None:
    """The row that a stranger has just requested must not be answered from memory."""
    gate = Gate()
    async with idle_service(tmp_path / "data") as service:
        image = await stored(service, jpeg(1))
        rows = service.caches.images
        seen = await rows.get(image.id)
        assert rows.holds(seen)
        store = GatedTrash(service.stores.database, gate)
        lists = service.stores.bulk_edits
        trash = Trash(store, service.removal, rows, service.caches.variants, lists)

        await cancelled_at(gate, trash.put_in([image.id]))

        assert not rows.holds(seen)
        assert (await rows.get(image.id)).is_trashed


async def test_a_deletion_whose_row_is_gone_removes_the_blob(tmp_path: Path) -> None:
    """Nothing of the image is left on disk (invariant 6)."""
    gate = Gate()
    async with idle_service(tmp_path / "data") as service:
        image = await stored(service, jpeg(1))
        removal = Removal(
            images=service.stores.images,
            blobs=GatedBlobs(service.files.data_dir.blobs, gate),
            verified=service.files.verified,
            locks=service.files.locks,
            variants=service.caches.variants,
            runner=service.runner,
            on_removed=service.caches.images.forget,
        )

        await cancelled_at(gate, removal.remove(image.id))

        with pytest.raises(NotFound):
            await service.stores.images.get(image.id)
        assert await service.files.blobs.size(image.original.name) is None


class GatedUsers(UserStore):
    """Users with a gate behind each transfer of what they own."""

    def __init__(self, database: Database, gate: Gate) -> None:
        super().__init__(database)
        self._gate = gate

    async def transfer(self, user_id: UserId, to: UserId | None, *, now: datetime) -> None:
        """Transfer, then wait at the gate."""
        await super().transfer(user_id, to, now=now)
        await self._gate.wait()


async def test_a_user_whose_images_were_transferred_is_removed(tmp_path: Path) -> None:
    """The former owner must not stay in memory, nor the user half removed."""
    gate = Gate()
    transferred: list[bool] = []
    async with idle_service(tmp_path / "data") as service:
        store = GatedUsers(service.stores.database, gate)
        users = Users(store, service.accounts.passwords, lambda: transferred.append(True))
        user = await users.add("ada", None, is_admin=False)

        await cancelled_at(gate, users.remove(user, NewOwner.NOBODY))

        assert await store.named("ada") is None
    assert transferred == [True]
