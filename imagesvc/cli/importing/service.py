"""A service, as the target of imports."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, TypeVar

import httpx2

from imagesvc.cli.importing.patience import Patience
from imagesvc.cli.importing.targets import Halt, Item
from imagesvc.cli.uploads.failures import RATE_ATTEMPTS, described, rate_pause
from imagesvc.client import AsyncClient, Image
from imagesvc.client.parameters import Fields
from imagesvc.errors import (
    Forbidden,
    ImagesvcError,
    InsufficientStorage,
    NotFound,
    QuotaExceeded,
    RateLimited,
    Unauthorized,
    Unavailable,
)
from imagesvc.library.importing.intake import ChangedWhileRead
from imagesvc.model.ids import Digest
from imagesvc.model.images import Visibility

P = ParamSpec("P")
T = TypeVar("T")
HELD_BYTES = 32 << 20
"""A file up to here is read once, and these bytes are compared with its digest, and sent."""
HALTS = (Unauthorized, Forbidden, QuotaExceeded, InsufficientStorage)
OUTAGES = (httpx2.TransportError, Unavailable)


@dataclass(slots=True)
class ServiceTarget:
    """Uploads files that the service does not have."""

    client: AsyncClient
    to: str
    visibility: Visibility | None
    patience: Patience
    _collections: dict[str, str] = field(default_factory=dict)
    """Ids by title."""
    _are_listed: bool = False
    _empty: set[str] = field(default_factory=set)
    """The ids of collections that were made and have no image yet."""
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def existing(self, digests: Sequence[Digest]) -> Mapping[Digest, bool]:
        """Those that the user of the key has."""
        entries = await self._asked(self.client.check_images, digests)
        return {
            Digest(entry.sha256): entry.is_trashed
            for entry in entries
            if entry.image_id is not None
        }

    async def put(self, item: Item) -> bool:
        """Upload a file; the same upload again, after a kill, gives the same image."""
        fields = await self._fields(item)
        source = await asyncio.to_thread(_source, item)
        said = json.dumps([item.digest, item.name, fields], sort_keys=True)
        key = hashlib.sha256(said.encode()).hexdigest()
        while True:
            image = await self._asked(
                self.client.upload, source, filename=item.name, idempotency_key=key, **fields
            )
            if not image.is_replay or await self._is_there(image):
                break
            key = hashlib.sha256(f"{key} {image.id}".encode()).hexdigest()
        self._empty.discard(fields.get("collection_id", ""))
        if image.sha256 != item.digest:
            raise ChangedWhileRead(f"the file changed while it was sent, as image {image.id}")
        return not image.is_replay

    async def _is_there(self, image: Image) -> bool:
        try:
            await self._asked(self.client.image, image.id)
        except NotFound:
            return False
        return True

    async def _fields(self, item: Item) -> Fields:
        facts = item.facts
        fields: Fields = {
            "title": facts.title,
            "description": facts.description,
            "tags": ",".join(facts.tags),
            "taken_at": item.taken_at,
        }
        for name, number in facts.place.items():
            fields[name] = number  # type: ignore[literal-required]  # latitude and so on
        if self.visibility is not None:
            fields["visibility"] = self.visibility.value
        if item.collection:
            fields["collection_id"] = await self._collection(item.collection)
        return fields

    async def _collection(self, title: str) -> str:
        """The id of the user's collection with this title, which is made if there is none."""
        async with self._lock:
            if title not in self._collections:
                await self._asked(self._find_or_make, title)
            return self._collections[title]

    async def _find_or_make(self, title: str) -> None:
        """Repeatable: what was made before its answer was lost is found."""
        if not self._are_listed:
            self._collections |= await self._own_collections()
            self._are_listed = True
        if title in self._collections:
            return
        self._are_listed = False  # one that is made without an answer is in a new list only
        made = await self.client.create_collection(
            title, visibility=None if self.visibility is None else self.visibility.value
        )
        self._collections[title] = str(made.id)
        self._empty.add(str(made.id))
        self._are_listed = True

    async def remove_empty(self) -> None:
        """Remove the collections that were made for files of which none was accepted."""
        for collection_id in self._empty:
            # One that has an image by now is not removed.
            with contextlib.suppress(ImagesvcError, httpx2.HTTPError):
                await self.client.delete_collection(collection_id)

    async def _own_collections(self) -> dict[str, str]:
        me = await self.client.me()
        every = self.client.collections()
        return {one.title: str(one.id) async for one in every if one.owner_id == me.id}

    async def _asked(self, ask: Callable[P, Awaitable[T]], *args: P.args, **options: P.kwargs) -> T:
        """The answer of the service, after outages and the pauses that its rate limits require."""
        attempts = 0
        while True:
            try:
                answer = await ask(*args, **options)
            except RateLimited as error:
                attempts += 1
                if attempts == RATE_ATTEMPTS:
                    raise Halt(described(error, self.to)) from error
                await asyncio.sleep(rate_pause(error))
            except HALTS as error:
                raise Halt(described(error, self.to)) from error
            except OUTAGES as error:
                if not await self.patience.wait(described(error, self.to)):
                    raise Halt(described(error, self.to)) from error
            except httpx2.HTTPError as error:
                raise ImagesvcError(described(error, self.to)) from error
            else:
                self.patience.end()
                return answer


def _source(item: Item) -> bytes | Path:
    if item.size > HELD_BYTES:
        return item.path
    content = item.path.read_bytes()
    if hashlib.sha256(content).hexdigest() != item.digest:
        raise ChangedWhileRead("the file changed while it was read")
    return content
