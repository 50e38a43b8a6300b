"""Which installation this is, and whether the bucket of its originals is its own."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

from imagesvc.errors import BucketOfAnother, Unavailable, text_of
from imagesvc.outages.outage import Outage
from imagesvc.store.db.database import Database
from imagesvc.store.db.identity import installation_in, make_installation
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
    _unknown: Outage = field(default_factory=_unknown)
    _foreign: Outage = field(default_factory=_foreign)

    async def make(self) -> None:
        """Give the installation an id if it has none; only servers do so.

        Raises:
            Unavailable: the database cannot be used now.
        """
        if await self.database.read(installation_in) is None:
            await self.database.write(make_installation, wakes=False)

    async def check(self) -> None:
        """Make sure that objects may be stored in the bucket, and removed from it.

        Raises:
            BucketOfAnother: it belongs to another installation.
            Unavailable: the bucket or the database cannot be used now, or no server has started on
                the database yet.
        """
        if self.mark is None:
            return
        installation = await self.database.read(installation_in)
        if installation is None:
            raise Unavailable("No server has started on the database at database_url yet.")
        has_originals = bool(await self.images.blobs_after("", 1))
        await self.mark.check(installation, self.images.known_names, has_originals=has_originals)

    async def is_checked(self, *, by_server: bool) -> bool:
        """Whether `check` succeeds, for a start; the log says why not.

        Raises:
            BucketOfAnother: as by `check`.
        """
        if self.mark is None:
            if by_server:
                with contextlib.suppress(Unavailable):  # the next start makes it
                    await self.make()
            return True
        try:
            if by_server:
                await self.make()
            await self.check()
        except BucketOfAnother:
            raise
        except Unavailable as error:
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
            except BucketOfAnother as error:
                self._foreign.failed(error=error.detail)
