"""Variants as objects in a bucket: `variants/<key>`."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

from anyio import to_thread

from imagesvc.errors import NotFound
from imagesvc.model.ids import VariantKey
from imagesvc.model.images import Variant
from imagesvc.store.objects.buckets import Bucket

FOLDER = "variants"
WRITES_AT_ONCE = 8
PIECE_BYTES = 256 << 10
"""For clients: one that stops reading keeps about as much in memory."""


@dataclass(frozen=True, slots=True)
class ObjectVariants:
    """The variants in a bucket; see `VariantContents`."""

    bucket: Bucket

    def path(self, key: VariantKey) -> None:
        """See `VariantContents`: none."""

    def holds(self, key: VariantKey) -> None:
        """See `VariantContents`: it takes a request."""

    async def write(self, made: Sequence[tuple[VariantKey, bytes | BinaryIO]]) -> None:
        """See `VariantContents`: some at a time; none begins after one has failed."""
        try:
            for start in range(0, len(made), WRITES_AT_ONCE):
                some = made[start : start + WRITES_AT_ONCE]
                writes = [self.bucket.put(_key(key), content) for key, content in some]
                for result in await asyncio.gather(*writes, return_exceptions=True):
                    if isinstance(result, BaseException):
                        raise result
        finally:
            for _, content in made:
                if not isinstance(content, bytes):
                    content.close()

    async def read(self, variant: Variant) -> bytes | None:
        """See `VariantContents`."""
        try:
            content = await self.bucket.read(_key(variant.key))
        except NotFound:
            return None
        checksum = await to_thread.run_sync(zlib.crc32, content)
        return content if checksum == variant.crc32 else None

    async def stream(self, variant: Variant, start: int, stop: int) -> AsyncIterator[bytes]:
        """See `VariantContents`."""
        if start == stop:
            return
        span = (start, stop)
        try:
            async for piece in self.bucket.stream(_key(variant.key), span, piece_bytes=PIECE_BYTES):
                yield piece
        except NotFound as error:
            raise FileNotFoundError(variant.key) from error

    async def is_whole(self, variant: Variant) -> bool:
        """See `VariantContents`."""
        found = await self.bucket.find(_key(variant.key))
        return found is not None and found.bytes == variant.bytes

    async def delete(self, keys: Sequence[str]) -> None:
        """See `VariantContents`."""
        await self.bucket.delete([_key(key) for key in keys])

    async def older_than(self, seconds: float) -> AsyncIterator[list[VariantKey]]:
        """See `VariantContents`: a page of the list at a time."""
        horizon = datetime.now(UTC) - timedelta(seconds=seconds)
        async for page in self.bucket.list(FOLDER):
            yield [
                VariantKey(found.key.removeprefix(f"{FOLDER}/"))
                for found in page
                if found.modified <= horizon
            ]


def _key(key: str) -> str:
    return f"{FOLDER}/{key}"
