"""Sending a file to a bucket, whole or in parts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyio import CancelScope, to_thread

from imagesvc.errors import Unavailable

if TYPE_CHECKING:
    from obstore.store import S3Store

PART_BYTES = 5 << 20
"""The least that S3 accepts; a service keeps 10,000 of them."""
PARTS_AT_ONCE = 2
PIECE_BYTES = 1 << 20
ABORT_SECONDS = 10.0
CHANGED = "The file changed while it was sent."


class Abandoned(Exception):
    """The upload was cancelled; the library removes its parts when its source fails."""


async def send(library: Any, store: S3Store, key: str, source: Path) -> None:
    """Store the bytes of a file; when it is cancelled, nothing is stored."""
    size = (await to_thread.run_sync(source.stat)).st_size
    if size <= PART_BYTES:
        content = await to_thread.run_sync(source.read_bytes)
        if len(content) != size:
            raise Unavailable(CHANGED)
        await library.put_async(store, key, content, use_multipart=False)
    else:
        await _send_parts(library, store, key, _Pieces(source, size))


async def _send_parts(library: Any, store: S3Store, key: str, pieces: _Pieces) -> None:
    sending = asyncio.ensure_future(
        library.put_async(
            store, key, pieces, chunk_size=PART_BYTES, max_concurrency=PARTS_AT_ONCE
        )
    )  # fmt: skip
    try:
        await asyncio.wait([sending])  # unlike the future itself, it is not cancelled with this
    except asyncio.CancelledError:
        pieces.is_abandoned = True
        await _aborted(library, store, key, sending)
        raise
    sending.result()


async def _aborted(library: Any, store: S3Store, key: str, sending: asyncio.Future[Any]) -> None:
    """Wait until a cancelled upload is gone; one that was complete by then is removed."""
    with CancelScope(shield=True):
        await asyncio.wait([sending], timeout=ABORT_SECONDS)
        if not sending.done():
            sending.cancel()
        elif not sending.cancelled() and sending.exception() is None:
            with contextlib.suppress(library.exceptions.BaseError):
                await library.delete_async(store, key)


class _Pieces:
    """The bytes of a file, read in the library's threads."""

    def __init__(self, source: Path, size: int) -> None:
        self._source = source
        self._size = size
        self.is_abandoned = False

    def __iter__(self) -> Iterator[bytes]:
        sent = 0
        with self._source.open("rb", buffering=0) as file:
            while piece := file.read(PIECE_BYTES):
                if self.is_abandoned:
                    raise Abandoned
                sent += len(piece)
                yield piece
        if self.is_abandoned:
            raise Abandoned
        if sent != self._size:
            raise Unavailable(CHANGED)
