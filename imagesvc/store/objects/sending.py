"""Sending a file to a bucket, whole or in parts."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from imagesvc.cancellation import run_to_end
from imagesvc.errors import Unavailable

if TYPE_CHECKING:
    from obstore.store import S3Store

PART_BYTES = 5 << 20
"""The least that S3 accepts; a service keeps 10,000 of them."""
PARTS_AT_ONCE = 4
PIECE_BYTES = 1 << 20
ABORT_SECONDS = 10.0
CHANGED = "The file changed while it was sent."


class Abandoned(Exception):
    """The upload was cancelled; the library removes its parts when its source fails."""


def content_of(source: Path | BinaryIO) -> bytes | Parts:
    """The bytes that a file has now, or what reads them if they are many; for a thread."""
    file = FileIO(source if isinstance(source, Path) else os.dup(source.fileno()), "r")
    parts = Parts(file, os.fstat(file.fileno()).st_size)
    if parts.size > PART_BYTES:
        return parts
    with file:
        return b"".join(parts)


async def send(library: Any, store: S3Store, key: str, content: bytes | Parts) -> None:
    """Store an object; when it is cancelled, no parts are left."""
    if isinstance(content, bytes):
        await library.put_async(store, key, content, use_multipart=False)
        return
    with content.file:
        await _send_parts(library, store, key, content)


async def _send_parts(library: Any, store: S3Store, key: str, pieces: Parts) -> None:
    sending = asyncio.ensure_future(
        library.put_async(
            store, key, pieces, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE
        )
    )  # fmt: skip
    try:
        await asyncio.wait([sending])  # unlike the future itself, it is not cancelled with this
    except asyncio.CancelledError:
        pieces.is_abandoned = True
        await run_to_end(_aborted(library, store, key, sending))
        raise
    sending.result()


async def _aborted(library: Any, store: S3Store, key: str, sending: asyncio.Future[Any]) -> None:
    """Wait until a cancelled upload is gone; one that was complete by then is removed."""
    await asyncio.wait([sending], timeout=ABORT_SECONDS)
    if not sending.done():
        sending.cancel()
    elif not sending.cancelled() and sending.exception() is None:
        with contextlib.suppress(library.exceptions.BaseError):
            await library.delete_async(store, key)


class Parts:
    """The first bytes of a file, read in the library's threads."""

    def __init__(self, file: FileIO, size: int) -> None:
        self.file = file
        self.size = size
        self.is_abandoned = False

    def __iter__(self) -> Iterator[bytes]:
        own = os.dup(self.file.fileno())  # a thread may read for longer than the file is open
        try:
            for start in range(0, self.size, PIECE_BYTES):
                expected = min(PIECE_BYTES, self.size - start)
                piece = os.pread(own, expected, start)
                if len(piece) != expected:
                    raise Unavailable(CHANGED)
                if self.is_abandoned:
                    raise Abandoned
                yield piece
        finally:
            os.close(own)
        if self.is_abandoned:
            raise Abandoned
