"""The copy of the blobs of a data directory to a bucket, while its server runs.

The rows say what is copied, pass by pass: each pass copies what the one before did not have. The
first learns from the bucket what it has, so that a copy that was killed goes on. The last runs
while nothing can be written. Names stay: the object of a file is `blobs/<digest>`.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, field
from io import FileIO
from uuid import UUID

from anyio import to_thread
from sqlalchemy import Engine

from imagesvc.cancellation import all_of
from imagesvc.errors import NotFound, Unavailable
from imagesvc.model.ids import BlobName, Digest, digest_of
from imagesvc.store.blob_rows import blobs_after, count_blobs, names_of, uses_of
from imagesvc.store.db.identity import installation_in
from imagesvc.store.files.blobs_fs import FileBlobStore
from imagesvc.store.files.files import NO_DESCRIPTOR
from imagesvc.store.objects.blobs import FOLDER
from imagesvc.store.objects.buckets import Bucket
from imagesvc.store.objects.mark import BucketMark
from imagesvc.store.objects.sorted_blobs import BlobList, SizedBlob, missing_from, moved_blobs

AT_ONCE = 8
LARGE_AT_ONCE = 2
"""Of those that are sent in parts, of which some are in memory."""
LARGE_BYTES = 5 << 20
ROWS = 1000
MAX_PASSES = 4
"""While the server writes: later ones find little, unless it writes as fast as this copies."""
FEW = 16
"""New blobs of a pass after which the rest is copied while nothing can be written."""

Progress = Callable[[str, int, int], None]
"""Told the step, how many blobs are done, and how many there are."""


@dataclass(slots=True)
class MovedBlobs:
    """The results of a copy."""

    bucket: str
    blobs: int = 0
    sent: int = 0
    sent_bytes: int = 0
    faults: dict[Digest, str] = field(default_factory=dict)
    """Blobs that could not be copied, with the reason."""


class BlobMove:
    """One run; `close()` it."""

    def __init__(
        self, rows: Engine, files: FileBlobStore, bucket: Bucket, progress: Progress
    ) -> None:
        """Take an engine that only reads the database of the data directory."""
        self.report = MovedBlobs(str(bucket.url))
        self._rows = rows
        self._files = files
        self._bucket = bucket
        self._progress = progress
        self._known: BlobList | None = None

    async def claim(self) -> None:
        """Mark the bucket as that of this installation, before anything is copied.

        Raises:
            OriginalsOfAnother: it is that of another installation.
            Unavailable: the bucket or the data directory cannot be used now.
        """
        installation = await to_thread.run_sync(self._installation)
        if installation is None:
            raise Unavailable("The data directory has no id yet: start its server once.")
        await BucketMark(self._bucket).check(installation, self._known_names, has_originals=False)

    async def _known_names(self, names: Sequence[BlobName]) -> set[BlobName]:
        """Those with the bytes of an original here, whatever their names were elsewhere."""
        found = await to_thread.run_sync(self._names_of, {digest_of(name) for name in names})
        digests = {digest_of(name) for name in found}
        return {name for name in names if digest_of(name) in digests}

    def _installation(self) -> UUID | None:
        with self._rows.connect() as connection:
            return installation_in(connection)

    def _names_of(self, digests: Collection[Digest]) -> set[BlobName]:
        with self._rows.connect() as connection:
            return names_of(connection, digests)

    async def catch_up(self) -> None:
        """Copy while the server writes, until little is new.

        Raises:
            Unavailable: the bucket or the data directory cannot be used; what was copied stays.
        """
        for _ in range(MAX_PASSES):
            before = self.report.sent
            await self._pass("copying")
            if self.report.sent - before <= FEW:
                return

    async def complete(self) -> None:
        """Copy the rest; call it while nothing can be written.

        Raises:
            Unavailable: as by `catch_up`.
        """
        await self._pass("completing")

    def uses_of(self, digest: Digest) -> list[str]:
        """What an operator knows of a blob: its images."""
        with self._rows.connect() as connection:
            uses = uses_of(connection, digest)
        return [f"{kind} of image {image_id} ({name})" for kind, image_id, name in uses]

    def close(self) -> None:
        """Remove the temporary file."""
        if self._known is not None:
            self._known.close()

    async def _pass(self, step: str) -> None:
        earlier, self._known = self._known, BlobList()
        known = moved_blobs(self._bucket) if earlier is None else earlier.read()
        faulty, self.report.faults = self.report.faults, {}
        self.report.blobs = 0
        total = await to_thread.run_sync(self._count)
        try:
            async with contextlib.aclosing(self._missing(known, faulty, step, total)) as missing:
                await self._send_all(missing)
        finally:
            if earlier is not None:
                earlier.close()
        self._progress(step, total, total)

    async def _missing(
        self, known: AsyncIterator[SizedBlob], faulty: dict[Digest, str], step: str, total: int
    ) -> AsyncGenerator[SizedBlob, None]:
        assert self._known is not None  # noqa: S101  # of this pass
        async for blob, is_missing in missing_from(known, self._wanted()):
            self._progress(step, self.report.blobs, total)
            self._known.add(blob)
            self.report.blobs += 1
            if is_missing or blob.digest in faulty:
                yield blob

    async def _wanted(self) -> AsyncIterator[SizedBlob]:
        after = ""
        while page := await to_thread.run_sync(self._page, after):
            for name, size in page:
                yield SizedBlob(digest_of(name), size)
            after = digest_of(page[-1][0])

    def _page(self, after: str) -> list[tuple[BlobName, int]]:
        with self._rows.connect() as connection:
            return blobs_after(connection, after, ROWS)

    def _count(self) -> int:
        with self._rows.connect() as connection:
            return count_blobs(connection)

    async def _send_all(self, missing: AsyncGenerator[SizedBlob, None]) -> None:
        """Several at once; the first failure ends all."""
        turn, large = asyncio.Lock(), asyncio.Semaphore(LARGE_AT_ONCE)

        async def send_next() -> None:
            while True:
                async with turn:
                    blob = await anext(missing, None)
                if blob is None:
                    return
                await self._send(blob, large)

        await all_of(*(send_next() for _ in range(AT_ONCE)))

    async def _send(self, blob: SizedBlob, large: asyncio.Semaphore) -> None:
        async with large if blob.bytes > LARGE_BYTES else contextlib.nullcontext():
            reason = await self._fault_in_sending(blob)
        if reason is None:
            self.report.sent += 1
            self.report.sent_bytes += blob.bytes
        elif await to_thread.run_sync(self._has_row, blob.digest):  # not deleted meanwhile
            self.report.faults[blob.digest] = reason

    async def _fault_in_sending(self, blob: SizedBlob) -> str | None:
        try:
            file = await to_thread.run_sync(self._opened, blob.digest)
        except NotFound:
            return "missing"
        with file:
            if not await to_thread.run_sync(_is_sound, file, blob):
                return "damaged"
            await self._bucket.put(f"{FOLDER}/{blob.digest}", file)
        return None

    def _opened(self, digest: Digest) -> FileIO:
        try:
            return self._files.open(digest)
        except PermissionError as error:
            raise Unavailable(
                f"{error.filename} cannot be read: run the command as the user of the server."
            ) from error

    def _has_row(self, digest: Digest) -> bool:
        return bool(self._names_of([digest]))


def _is_sound(file: FileIO, blob: SizedBlob) -> bool:
    try:
        found = hashlib.file_digest(file, "sha256").hexdigest()
        return (found, file.tell()) == blob
    except OSError as error:
        if error.errno in NO_DESCRIPTOR:
            raise
        return False  # a part of the disk that cannot be read
