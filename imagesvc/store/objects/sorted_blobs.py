"""Digests and sizes of blobs in the order of the digests, and the difference of two such lists."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import AsyncIterator
from typing import BinaryIO, NamedTuple

from imagesvc.model.ids import Digest
from imagesvc.store.objects.blobs import FOLDER
from imagesvc.store.objects.buckets import Bucket

_RECORD = struct.Struct("<32sQ")
READ_RECORDS = 4096


class SizedBlob(NamedTuple):
    """What a blob has, wherever it is."""

    digest: Digest
    bytes: int


class BlobList:
    """A list in a temporary file, which has 40 bytes for each blob."""

    def __init__(self) -> None:
        self._file: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115  # close() closes it

    def add(self, blob: SizedBlob) -> None:
        """Add the next blob; its digest is greater than all before."""
        self._file.write(_RECORD.pack(bytes.fromhex(blob.digest), blob.bytes))

    async def read(self) -> AsyncIterator[SizedBlob]:
        """All of it from the start."""
        self._file.seek(0)
        while records := self._file.read(READ_RECORDS * _RECORD.size):
            for digest, size in _RECORD.iter_unpack(records):
                yield SizedBlob(Digest(digest.hex()), size)

    def close(self) -> None:
        """Remove the file."""
        self._file.close()


async def moved_blobs(bucket: Bucket) -> AsyncIterator[SizedBlob]:
    """The objects of a bucket that were copied from files, whose names are digests."""
    async for page in bucket.list(FOLDER):
        for found in page:
            name = found.key.removeprefix(f"{FOLDER}/")
            if "/" not in name:
                yield SizedBlob(Digest(name), found.bytes)


async def missing_from(
    known: AsyncIterator[SizedBlob], wanted: AsyncIterator[SizedBlob]
) -> AsyncIterator[tuple[SizedBlob, bool]]:
    """Each wanted blob, and whether `known` lacks it.

    A blob may also be called missing if `known` is not in order, as the lists of some services are.
    """
    at = await anext(known, None)
    async for blob in wanted:
        while at is not None and at.digest < blob.digest:
            at = await anext(known, None)
        yield blob, at != blob
