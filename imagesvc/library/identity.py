"""Which installation this is, and whether the originals that it finds are its own."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from anyio import to_thread

from imagesvc.errors import OriginalsOfAnother, Unavailable, text_of
from imagesvc.outages.outage import Outage
from imagesvc.store.db.database import Database
from imagesvc.store.db.identity import installation_in, make_installation
from imagesvc.store.files.data_dir import DataDir
from imagesvc.store.images import ImageStore
from imagesvc.store.objects.mark import BucketMark

RETRY_SECONDS = 2.0


def _unknown() -> Outage:
    return Outage(
        "it is not known whether the bucket belongs to this installation", "bucket.not_checked",
        "the bucket belongs to this installation", "bucket.checked",
    )  # fmt: skip


def _foreign() -> Outage:
    return Outage(
        "the bucket belongs to another installation", "bucket.of_another",
        "the bucket belongs to this installation now", "bucket.own",
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Identity:
    """The id of an installation, and the mark of its bucket, which has the same."""

    database: Database
    images: ImageStore
    mark: BucketMark | None
    """None with originals in files."""
    data_dir: DataDir | None
    """Where they are, if the database is elsewhere, and may be a new one."""
    _unknown: Outage = field(default_factory=_unknown)
    _foreign: Outage = field(default_factory=_foreign)

    async def make(self) -> None:
        """Give the installation an id if it has none; only servers do so.

        Raises:
            OriginalsOfAnother: as by `check`.
            Unavailable: the database cannot be used now.
        """
        if await self.database.read(installation_in) is None:
            await self._check_files()
            await self.database.write(make_installation, wakes=False)

    async def check(self) -> None:
        """Make sure that originals may be stored and removed.

        Raises:
            OriginalsOfAnother: they belong to another installation, or to a database that was lost.
            Unavailable: the bucket or the database cannot be used now, or no server has started on
                the database yet.
        """
        installation = await self.database.read(installation_in)
        if self.mark is None:
            if installation is None:
                await self._check_files()
            return
        if installation is None:
            raise Unavailable("No server has started on the database at database_url yet.")
        has_originals = await self._has_originals()
        await self.mark.check(installation, self.images.known_names, has_originals=has_originals)

    async def examine(self) -> None:
        """As `check` of a bucket, and change nothing; before the first start, nothing is wrong.

        Raises:
            OriginalsOfAnother, Unavailable: as by `check`.
        """
        installation = await self.database.read(installation_in)
        if self.mark is not None and installation is not None:
            has_originals = await self._has_originals()
            known = self.images.known_names
            await self.mark.is_marked(installation, known, has_originals=has_originals)

    async def _has_originals(self) -> bool:
        return bool(await self.images.blobs_after("", 1))

    async def _check_files(self) -> None:
        """A database that no server has used knows none of the originals that are there."""
        if (
            self.data_dir is not None
            and not await self._has_originals()
            and await to_thread.run_sync(self.data_dir.has_originals)
        ):
            raise OriginalsOfAnother(
                f"The database at database_url is new, and {self.data_dir.root} has originals, "
                "which would be removed. If a move to the database was interrupted, run imagesvc "
                "migrate --from again. If the database was lost, restore a backup. Otherwise, set "
                "data_dir to another directory."
            )

    async def is_checked(self, *, by_server: bool) -> bool:
        """Whether `check` succeeds, for a start; the log says why not.

        Raises:
            OriginalsOfAnother: as by `check`.
        """
        try:
            if by_server:
                await self.make()
            await self.check()
        except OriginalsOfAnother:
            raise
        except Unavailable as error:
            if self.mark is None:
                return True  # the next start makes the id
            self._unknown.failed(error=text_of(error))
            return False
        self._unknown.passed()
        self._foreign.passed()
        return True

    async def check_again(self, *, by_server: bool) -> None:
        """Try until `check` succeeds: the bucket may have failed at the start."""
        is_checked = False
        while not is_checked:
            await asyncio.sleep(RETRY_SECONDS)
            try:
                is_checked = await self.is_checked(by_server=by_server)
            except OriginalsOfAnother as error:
                self._foreign.failed(error=error.detail)
