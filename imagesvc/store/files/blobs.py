"""The contract of a blob store; `blobs_fs.py` implements it on a file system."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from imagesvc.model.ids import BlobName, Digest, digest_of


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A blob found in the store; `age_seconds` since it was last put."""

    name: BlobName
    bytes: int
    age_seconds: float

    @property
    def digest(self) -> Digest:
        """The digest of its bytes."""
        return digest_of(self.name)


@dataclass(frozen=True, slots=True)
class Stamp:
    """Bytes of a blob, and a text that is another one after every change of its file."""

    bytes: int
    version: str


class BlobStore(Protocol):
    """Bytes addressed by a name that begins with their SHA-256.

    They are written once, read often, deleted whole.
    """

    @property
    def is_local_verified(self) -> bool:
        """Whether `local` compares a blob with its digest."""
        ...

    async def put(self, source: Path, digest: Digest) -> BlobName:
        """Move the complete, fsynced file `source` into the store; durable on return.

        Putting an existing blob is no error: a file is replaced, which renews its age, and a
        bucket has another object.

        Raises:
            InsufficientStorage: the disk is full; the store is as before.
            Unavailable: the bucket cannot be used; the file stays where it is.
        """
        ...

    async def check(self) -> None:
        """Check that the store exists.

        Raises:
            Unavailable: it is not, so nothing can be said of any blob. What reads or deletes a
                blob that is missing raises it, too.
        """
        ...

    async def check_room(self) -> None:
        """Check whether the store takes new blobs, as far as is known without an upload.

        Raises:
            InsufficientStorage: it has refused one, and is still full.
        """
        ...

    def path(self, name: BlobName) -> Path | None:
        """The file that a proxy in front can send, if it is there; None if there are no files."""
        ...

    def where(self, name: BlobName) -> str:
        """The place of a blob, for an operator."""
        ...

    def local(self, name: BlobName) -> AbstractAsyncContextManager[Path]:
        """A path on this machine where the blob can be read while the context lasts.

        There is no file at the path when there is no such blob.
        """
        ...

    def stream(self, name: BlobName, start: int, stop: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to `stop`, in pieces.

        Raises:
            NotFound: there is no such blob.
        """
        ...

    async def size(self, name: BlobName) -> int | None:
        """Bytes of the blob, or None when there is no such blob."""
        ...

    async def stamp(self, name: BlobName) -> Stamp | None:
        """Identifies the current file of the blob, or None when there is no such blob."""
        ...

    async def is_sound(self, name: BlobName) -> bool:
        """Whether the blob can be read and has its digest.

        Raises:
            NotFound: there is no such blob.
        """
        ...

    async def delete(self, name: BlobName) -> None:
        """Remove the blob; a missing one is ignored.

        Raises:
            BucketUnavailable: the bucket does not remove it now.
        """
        ...

    def all(self) -> AsyncIterator[list[StoredBlob]]:
        """Everything stored, some at a time, in the order of the names."""
        ...
