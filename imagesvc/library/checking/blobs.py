"""Every blob against its digest, and every row against its blob, in files or in a bucket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass

from imagesvc.cancellation import all_of
from imagesvc.errors import NotFound
from imagesvc.library.checking.report import Report
from imagesvc.model.ids import BlobName, digest_of
from imagesvc.store.files.blobs import BlobStore
from imagesvc.store.files.locks import Locks
from imagesvc.store.images import ImageStore

BATCH = 500

SetAside = Callable[[BlobName], Awaitable[str]]
"""Moves a damaged blob to where an operator can inspect it, and returns that place."""


@dataclass(frozen=True, slots=True)
class Checker:
    """Reads everything back, while servers may be writing."""

    blobs: BlobStore
    images: ImageStore
    locks: Locks
    report: Report
    at_once: int
    """Blobs that are read at the same time."""
    orphan_seconds: float
    """The age from which a blob without a row is reported: an upload stores the blob first."""

    async def check(self, set_aside: SetAside | None = None) -> None:
        """Compare blobs with their digests and rows with their blobs.

        With `set_aside`, damaged blobs are moved; the originals of their images are then 404.
        """
        async for rows in self._pages():
            pending = iter(rows)
            await all_of(*(self._check_rows(pending, set_aside) for _ in range(self.at_once)))
        if self.report.denied:
            return  # missing blobs in unlisted directories are not reported
        async for batch in self.blobs.all():
            old = [blob.name for blob in batch if blob.age_seconds >= self.orphan_seconds]
            known = await self.images.known_names(old)
            self.report.without_row += [
                self.blobs.where(name) for name in old if name not in known
            ]  # fmt: skip

    async def _pages(self) -> AsyncIterator[list[tuple[BlobName, int]]]:
        after = ""
        while rows := await self.images.blobs_after(after, BATCH):
            yield rows
            after = digest_of(rows[-1][0])

    async def _check_rows(
        self, pending: Iterator[tuple[BlobName, int]], set_aside: SetAside | None
    ) -> None:
        for name, size in pending:
            self.report.bytes += size
            try:
                await self._check_row(name, size, set_aside)
            except PermissionError:
                self.report.denied.append(f"{await self._named(name)}: this user may not read it")

    async def _check_row(self, name: BlobName, size: int, set_aside: SetAside | None) -> None:
        if await is_whole(self.blobs, name, size):
            self.report.verified += 1
            return
        async with self.locks.hold(digest_of(name)):  # deleted or uploaded again meanwhile?
            is_missing = await self.blobs.size(name) is None
            if not is_missing and await is_whole(self.blobs, name, size):
                self.report.verified += 1
            elif not await self.images.known_names([name]):
                return  # asked last: where there are no locks, the row goes before the blob
            elif is_missing:
                self.report.missing.append(await self._named(name))
            else:
                self.report.damaged.append(await self._named(name))
                if set_aside is not None:
                    self.report.quarantined.append(await set_aside(name))

    async def _named(self, name: BlobName) -> str:
        """A blob for an operator: its place, and its images."""
        uses = [
            f'{kind} of image {image_id} "{filename}"'
            for kind, image_id, filename in await self.images.uses_of(digest_of(name))
        ]
        return f"{self.blobs.where(name)} ({'; '.join(uses) or 'of no image'})"


async def check_names(blobs: BlobStore, report: Report) -> None:
    """Compare blobs only with their names, when rows cannot be used."""
    async for batch in blobs.all():
        for blob in batch:
            if await is_whole(blobs, blob.name, blob.bytes):
                report.verified += 1
                report.bytes += blob.bytes
            else:
                report.damaged.append(blobs.where(blob.name))


async def is_whole(blobs: BlobStore, name: BlobName, size: int) -> bool:
    """Whether a blob exists, is readable, and has this size and its digest.

    Raises:
        PermissionError: this user may not read it.
    """
    try:
        return await blobs.size(name) == size and await blobs.is_sound(name)
    except NotFound:
        return False
