"""What the credentials of a bucket permit, found out with two objects that are removed again."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Awaitable

from imagesvc.errors import BucketForbids, NotFound
from imagesvc.store.objects.buckets import CHECKED, Bucket
from imagesvc.store.objects.sending import PART_BYTES

SMALL, LARGE = f"{CHECKED}/permissions", f"{CHECKED}/permissions-in-parts"
"""The same at each time: without the permission to delete, no more than these stay."""


async def refused_in(bucket: Bucket) -> list[str]:
    """The actions that the credentials do not permit.

    Raises:
        BucketFull: it takes no objects.
        Unavailable: it cannot be used at all.
    """
    return [
        action
        for action, work in (
            ("list", bucket.check()),
            ("put", bucket.put(SMALL, b"A test of imagesvc doctor.")),
            ("get", _read(bucket)),
            ("put in parts", _put_in_parts(bucket)),
            ("delete", bucket.delete([SMALL, LARGE])),
        )
        if await _is_refused(work)
    ]


async def _is_refused(work: Awaitable[None]) -> bool:
    try:
        await work
    except BucketForbids:
        return True
    return False


async def _read(bucket: Bucket) -> None:
    with contextlib.suppress(NotFound):  # it could not be stored
        await bucket.read(SMALL)


async def _put_in_parts(bucket: Bucket) -> None:
    with tempfile.TemporaryFile() as file:
        file.truncate(PART_BYTES + 1)
        await bucket.put(LARGE, file)
