"""Buckets of Amazon S3, and of services with its interface, as sources."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from imagesvc.errors import NotFound
from imagesvc.library.importing.facts import Facts, local_time
from imagesvc.library.importing.intake import ChangedWhileRead
from imagesvc.library.sources.looks import Entry, Look, check_entries, is_image_name
from imagesvc.store.files.incoming import IncomingFile
from imagesvc.store.objects.buckets import Bucket, StoredObject


@dataclass(slots=True)
class BucketReader:
    """The objects below a prefix; each is whole as soon as it is there."""

    open: Callable[[], AbstractAsyncContextManager[Bucket]]
    """The bucket for one look or file; the address of its service is checked each time."""
    forgets: bool = False

    async def look(self, _state: Mapping[str, Any]) -> Look:
        """All images below the prefix."""
        entries: dict[str, Entry] = {}
        async with self.open() as bucket:
            async for chunk in bucket.list():
                for item in filter(lambda item: is_image_name(item.key), chunk):
                    facts = Facts(taken_at=_modified(item))
                    mark = item.tag or item.modified.isoformat()
                    entries[item.key] = Entry(item.key, item.bytes, mark, facts)
                check_entries(len(entries))
        return Look(entries)

    async def settle(self) -> None:
        """Do nothing: an upload to a bucket shows when it is complete."""

    async def facts(self, _entry: Entry) -> Facts:
        """Nothing: objects have no sidecars here."""
        return Facts()

    async def fill(self, entry: Entry, file: IncomingFile) -> None:
        """Write the bytes of an object."""
        try:
            async with self.open() as bucket:
                async for piece in bucket.stream(entry.path):
                    await file.write(piece)
        except NotFound as error:
            raise ChangedWhileRead("The object is gone.") from error


def _modified(item: StoredObject) -> str | None:
    try:
        return local_time(item.modified.astimezone())
    except (ValueError, OverflowError):  # near the ends of what a date can be
        return None
