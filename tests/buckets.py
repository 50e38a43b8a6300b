"""What is in the buckets of servers, read and changed beside them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TypeVar

from imagesvc.store.objects.buckets import Bucket
from imagesvc.store.objects.opening import open_blob_bucket

T = TypeVar("T")


def objects_in(url: str, folder: str) -> dict[str, datetime]:
    """When each object of a folder was written, by its name there."""

    async def listed(bucket: Bucket) -> dict[str, datetime]:
        pages = [page async for page in bucket.list(folder)]
        return {
            found.key.removeprefix(f"{folder}/"): found.modified for page in pages for found in page
        }

    return _on(url, listed)


def rename(url: str, old: str, new: str) -> None:
    """Give an object another key."""

    async def renamed(bucket: Bucket) -> None:
        await bucket.put(new, await bucket.read(old))
        await bucket.delete([old])

    _on(url, renamed)


def remove(url: str, key: str) -> None:
    """Remove an object."""
    _on(url, lambda bucket: bucket.delete([key]))


def store(url: str, key: str, content: bytes) -> None:
    """Store an object."""
    _on(url, lambda bucket: bucket.put(key, content))


def _on(url: str, work: Callable[[Bucket], Awaitable[T]]) -> T:
    """Work on a bucket in another thread, since that of a test may have an event loop."""

    async def opened() -> T:
        return await work(open_blob_bucket(url))

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(opened())).result()
