"""Blobs are compared with their digests at their first use, and slowly in the background."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import structlog

from imagesvc.errors import NotFound, OriginalDamaged, Unavailable
from imagesvc.model.ids import BlobName, digest_of
from imagesvc.store.files.blobs import BlobStore, Stamp

log = structlog.get_logger()

MAX_AWAITED_BYTES = 8 << 20
"""Of a blob that a delivery waits for: 5 to 20 ms. Larger ones are sent while they are verified."""
MAX_KNOWN = 50_000
MAX_AT_ONCE = 2
SCRUB_DELAY = 300.0
"""Seconds after the start, which has other work to do."""
SCRUB_RATE = 4 << 20
"""Bytes a second: a terabyte in three days, at 1 or 2 % of a core."""


@dataclass(frozen=True, slots=True)
class _Known:
    """The result of verifying a blob in its state at that time."""

    stamp: Stamp
    is_sound: bool


class VerifiedBlobs:
    """Knows which blobs have their digests, verified once since the start or their last change."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._known: OrderedDict[BlobName, _Known] = OrderedDict()
        self._running: dict[BlobName, asyncio.Task[bool]] = {}
        self._slots = asyncio.Semaphore(MAX_AT_ONCE)
        self._damaged: set[BlobName] = set()

    @property
    def damaged(self) -> int:
        """Blobs found damaged since the start, and neither replaced nor deleted."""
        return len(self._damaged)

    async def size(self, name: BlobName) -> int | None:
        """Bytes of a blob before it is sent, or None when there is no such blob.

        Raises:
            OriginalDamaged: its bytes are not those that were stored.
        """
        stamp = await self._blobs.stamp(name)
        if stamp is None:
            return None
        known = self._known.get(name)
        if known is None or known.stamp != stamp:
            verification = self._verification(name, stamp)
            if stamp.bytes > MAX_AWAITED_BYTES:
                return stamp.bytes
            _require(is_sound=await asyncio.shield(verification))
        else:
            self._known.move_to_end(name)
            _require(is_sound=known.is_sound)
        return stamp.bytes

    @contextlib.asynccontextmanager
    async def local(self, name: BlobName) -> AsyncIterator[Path]:
        """See `BlobStore.local`, for a blob of any size that is to be decoded.

        It is verified, and read once for that: what is fetched from a bucket is compared meanwhile.

        Raises:
            OriginalDamaged: its bytes are not those that were stored.
        """
        if not self._blobs.is_local_verified:
            await self._require(name)
        async with contextlib.AsyncExitStack() as held:
            try:
                path = await held.enter_async_context(self._blobs.local(name))
            except OriginalDamaged:
                await self._note_damage(name)
                raise
            yield path

    async def _require(self, name: BlobName) -> None:
        known = self._known.get(name)
        if known is not None and known.is_sound:
            return
        stamp = await self._blobs.stamp(name)
        if stamp is not None:
            _require(is_sound=await asyncio.shield(self._verification(name, stamp)))

    async def _note_damage(self, name: BlobName) -> None:
        with contextlib.suppress(Unavailable):
            stamp = await self._blobs.stamp(name)
            if stamp is not None:
                self._note(name, _Known(stamp, is_sound=False))

    def forget(self, name: BlobName) -> None:
        """Count a blob no longer that no row has any more."""
        self._damaged.discard(name)

    async def scrub(self, *, delay: float = SCRUB_DELAY, rate: float = SCRUB_RATE) -> None:
        """Verify everything stored, over and over, at a rate that disturbs nothing.

        It begins at a random place: a service that is often restarted gets everywhere in time.
        """
        await asyncio.sleep(delay)
        first = secrets.token_hex(1)
        while True:
            async for batch in self._blobs.all():
                for blob in batch:
                    if blob.name >= first:
                        await self._scrub_one(blob.name)
                        await asyncio.sleep(blob.bytes / rate)
            first = ""
            await asyncio.sleep(delay)

    async def close(self) -> None:
        """Cancel running verifications."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _scrub_one(self, name: BlobName) -> None:
        stamp = await self._blobs.stamp(name)
        if stamp is not None:
            await asyncio.shield(self._verification(name, stamp))

    def _verification(self, name: BlobName, stamp: Stamp) -> asyncio.Task[bool]:
        """The one verification of a blob, however many wait for it."""
        running = self._running.get(name)
        if running is None:
            running = asyncio.create_task(self._verified(name, stamp))
            self._running[name] = running
            running.add_done_callback(lambda _: self._running.pop(name))
        return running

    async def _verified(self, name: BlobName, stamp: Stamp) -> bool:
        async with self._slots:
            with contextlib.suppress(
                NotFound, Unavailable
            ):  # deleted meanwhile, as its user will find
                self._note(name, _Known(stamp, await self._blobs.is_sound(name)))
                return self._known[name].is_sound
        return True

    def _note(self, name: BlobName, known: _Known) -> None:
        self._known[name] = known
        self._known.move_to_end(name)
        if len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
        if known.is_sound:
            self._damaged.discard(name)
        elif name not in self._damaged:
            self._damaged.add(name)
            log.error("a blob is damaged", action="blob.damaged", digest=digest_of(name))


def _require(*, is_sound: bool) -> None:
    if not is_sound:
        raise OriginalDamaged("The stored image is damaged; its bytes are not those uploaded.")
