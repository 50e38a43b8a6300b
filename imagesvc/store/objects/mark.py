"""The mark of a bucket: an object that says which installation stores its originals there.

Objects that no row names are removed. With the rows of another installation, or with none, those
would be all.
"""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from imagesvc.errors import BucketUnavailable, NotFound, OriginalsOfAnother
from imagesvc.model.ids import BlobName
from imagesvc.store.objects.blobs import FOLDER, blob_name_of
from imagesvc.store.objects.buckets import Bucket, StoredObject

KEY = "installation"
MAX_BYTES = 100
"""More than a mark has."""
UNKNOWN = (
    "It is not known yet whether the bucket of blob_url is that of this installation; it is asked "
    "every few seconds."
)

Known = Callable[[Sequence[BlobName]], Awaitable[set[BlobName]]]
"""Which of these blobs have rows."""


class BucketMark:
    """The mark of one bucket, below its prefix."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._is_ours = False

    def require(self) -> None:
        """Make sure that objects may be stored, after `check`.

        Raises:
            BucketUnavailable: it is not known whether the bucket is that of this installation.
        """
        if not self._is_ours:
            raise BucketUnavailable(UNKNOWN)

    async def check(self, installation: UUID, known: Known, *, has_originals: bool) -> None:
        """As `is_marked`; without a mark, make it.

        Raises:
            OriginalsOfAnother: it is that of another installation.
            Unavailable: the bucket cannot be used now.
        """
        try:
            if not await self.is_marked(installation, known, has_originals=has_originals):
                await self._bucket.create(KEY, _content(installation))
                # Another server may have been faster.
                await self.is_marked(installation, known, has_originals=has_originals)
        except OriginalsOfAnother:
            self._is_ours = False
            raise
        self._is_ours = True

    async def is_marked(self, installation: UUID, known: Known, *, has_originals: bool) -> bool:
        """Whether the bucket has the mark of this installation; False if it may be made.

        A bucket without a mark that has originals must have some that rows name. It must have some
        if there should be any.

        Args:
            installation: the id that the rows have.
            known: tells which blobs have rows.
            has_originals: whether the bucket of this installation has originals.

        Raises:
            OriginalsOfAnother, Unavailable: as by `check`.
        """
        found = await self._read()
        if found is None:
            await self._check_unmarked(installation, known, has_originals=has_originals)
            return False
        if found.strip() != _content(installation).strip():
            raise OriginalsOfAnother(
                "The bucket of blob_url is that of another installation, whose originals would be "
                "removed. Give this one a prefix of its own, or use the database of the other. If "
                "that is lost, and a backup of it is or will be in this database, remove the "
                f"object {self._bucket.where(KEY)}."
            )
        return True

    async def _read(self) -> bytes | None:
        found = await self._bucket.find(KEY)
        if found is None:
            return None
        if found.bytes > MAX_BYTES:
            return b""
        with contextlib.suppress(NotFound):
            return await self._bucket.read(KEY)
        return None

    async def _check_unmarked(
        self, installation: UUID, known: Known, *, has_originals: bool
    ) -> None:
        """Raises `OriginalsOfAnother` if the first blobs have no rows, or there should be some."""
        async with contextlib.aclosing(self._bucket.list(FOLDER)) as pages:
            first: list[StoredObject] = await anext(pages, [])
        names = [name for found in first if (name := blob_name_of(found.key)) is not None]
        if not names and has_originals:
            raise OriginalsOfAnother(
                "The database has images, and the bucket of blob_url no originals. Do they lie in "
                "files, or in another bucket? docs/scaling.md has the steps of a move. If they are "
                f"lost, and you want to go on without them, store the text {installation} as the "
                f"object {self._bucket.where(KEY)}."
            )
        if names and not await known(names):
            raise OriginalsOfAnother(
                "The bucket of blob_url has originals, and the database none of their images: they "
                "would be removed. Give this installation a prefix of its own, or move a backup of "
                "the other into its database. If nobody needs them, remove what is in "
                f"{self._bucket.where(FOLDER)}."
            )


def _content(installation: UUID) -> bytes:
    return f"{installation}\n".encode()
