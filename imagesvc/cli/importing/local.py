"""A data directory without a server, as the target of imports."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

from imagesvc.cli.importing.targets import Halt, Item
from imagesvc.errors import InsufficientStorage, NotFound, QuotaExceeded
from imagesvc.library.accept import UploadFields
from imagesvc.library.importing.intake import Intake
from imagesvc.model.ids import Digest, UserId
from imagesvc.model.images import Visibility
from imagesvc.service.parts import Parts
from imagesvc.settings.settings import Settings
from imagesvc.store.db.sqlite.migrate import bring_up_to_date
from imagesvc.store.files.files import advised, full_disk_advised
from imagesvc.store.files.locks import DataDirLock


@dataclass(slots=True)
class DataDirTarget:
    """Makes images as a server does: the same checks, workers and sandbox."""

    intake: Intake
    owner_id: UserId | None
    visibility: Visibility
    root: Path
    """Of the data directory."""

    async def existing(self, digests: Sequence[Digest]) -> Mapping[Digest, bool]:
        """Those that the owner has."""
        found = await self.intake.existing(digests, self.owner_id)
        return {digest: is_trashed for digest, (_id, is_trashed) in found.items()}

    async def put(self, item: Item) -> bool:
        """Make an image, with a job for the next server."""
        fields = UploadFields(
            filename=item.name,
            title=item.facts.title,
            description=item.facts.description,
            tags=item.facts.tags,
            visibility=self.visibility,
            collection_title=item.collection,
            owner_id=self.owner_id,
            taken_at=item.taken_at,
            place=item.facts.place,
        )
        try:
            await self.intake.take(partial(_opened, item.path), fields, item.digest)
        except InsufficientStorage as error:
            raise Halt(advised(error, self.root)) from error
        except QuotaExceeded as error:
            raise Halt(error.detail) from error
        return True


def _opened(path: Path) -> BinaryIO:
    return path.open("rb")


@contextlib.asynccontextmanager
async def data_dir_target(
    settings: Settings, owner: str | None, visibility: Visibility | None
) -> AsyncIterator[DataDirTarget]:
    """The data directory of the settings, locked so that no server can start on it.

    Raises:
        DataDirInUse: a server runs on it.
        NotFound: there is no such user, or no user at all.
    """
    parts = Parts(settings, is_offline=True)
    lock = DataDirLock(parts.files.data_dir.server_lock)
    try:
        with full_disk_advised(parts.files.data_dir.root):
            await asyncio.to_thread(bring_up_to_date, parts.files.data_dir, None, may_upgrade=False)
        owner_id = await _owner(parts, owner)
        await parts.workers.pool.start()
        shown_as = visibility or Visibility(settings.upload_visibility)
        yield DataDirTarget(parts.intake, owner_id, shown_as, parts.files.data_dir.root)
    finally:
        await parts.workers.pool.close()
        await parts.accounts.close()
        await parts.stores.database.close()
        parts.files.locks.close()
        lock.release()


async def _owner(parts: Parts, name: str | None) -> UserId | None:
    """The user of a name, or else the first admin; None where there are no accounts."""
    users = parts.accounts.users
    if name is None and not parts.settings.has_accounts:
        return None
    user = await (users.first_admin() if name is None else users.named(name))
    if user is None:
        raise NotFound(f"There is no user {name}." if name else "There is no user yet.")
    return user.id
