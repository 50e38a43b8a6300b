"""A blob store whose blobs have names of their own, as in a bucket, but on a file system."""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

from anyio import to_thread

from imagesvc.model.ids import BlobName, Digest
from imagesvc.store.files.blobs import StoredBlob
from imagesvc.store.files.blobs_fs import FileBlobStore


class NamedBlobs(FileBlobStore):
    """Stores each blob as `<digest>/<uuid>`; `older_by` is added to the age of all."""

    older_by = 0.0

    async def put(self, source: Path, digest: Digest) -> BlobName:
        """See `BlobStore`: another file, whatever there was before."""
        name = BlobName(f"{digest}/{uuid4().hex}")
        await to_thread.run_sync(self._put, source, name)
        return name

    async def all(self) -> AsyncIterator[list[StoredBlob]]:
        """See `BlobStore`: in one piece."""
        now, found = time.time(), []
        for path in sorted(self.root.glob("*/*/*/*")):
            with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                stat = path.stat()
                name = BlobName(f"{path.parent.name}/{path.name}")
                found.append(StoredBlob(name, stat.st_size, now - stat.st_ctime + self.older_by))
        yield found
