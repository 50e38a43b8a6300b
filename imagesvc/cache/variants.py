"""Fetch a variant: from memory, from disk, or have it rendered once however many ask."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from imagesvc.cache.ledger import Ledger
from imagesvc.cache.memory import Entry, MemoryCache
from imagesvc.errors import ImagesvcError, NotFound, TimedOut
from imagesvc.imaging.calls import Rendered
from imagesvc.imaging.transform import canonical, effective, variant_key
from imagesvc.jobs.renderer import Renderer
from imagesvc.model import (
    Digest,
    Format,
    Lane,
    Original,
    Transform,
    Variant,
    VariantKey,
    utc_now,
)
from imagesvc.store.variant_files import VariantFiles
from imagesvc.store.variants import VariantStore

MAX_BODY_BYTES = 4 << 20
"""Larger variants are sent from their files, never from memory."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A variant too large for memory, to be sent from its file."""

    variant: Variant
    path: Path


Fetched = Entry | StoredFile


@dataclass(slots=True)
class _Flight:
    """One variant on its way, and whether its original was deleted meanwhile."""

    task: asyncio.Task[Fetched]
    digest: Digest
    is_void: bool = False


@dataclass(frozen=True, slots=True)
class VariantCache:
    """Every variant there is or could be; each is made once at a time."""

    memory: MemoryCache
    ledger: Ledger
    store: VariantStore
    files: VariantFiles
    renderer: Renderer
    quality: dict[Format, int]
    timeout: float
    on_stored: Callable[[int], None]
    clock: Callable[[], datetime] = utc_now
    _flights: dict[VariantKey, _Flight] = field(default_factory=dict)

    def identify(self, original: Original, transform: Transform) -> tuple[VariantKey, Transform]:
        """The key of a variant and the transform with format and quality made concrete."""
        concrete = effective(transform, original, self.quality)
        return variant_key(original.digest, concrete), concrete

    async def fetch(self, original: Original, key: VariantKey, transform: Transform) -> Fetched:
        """The variant, rendered if nobody has asked before.

        Args:
            original: what it is a variant of.
            key: its key, from `identify`.
            transform: the concrete transform, from `identify`.

        Raises:
            TimedOut: it is not there in time; the rendering goes on for the next asker.
            Overloaded: too many renderings wait.
            CorruptImage, ImageTooLarge: the original cannot be decoded.
            NotFound: the original was deleted meanwhile.
        """
        entry = self.memory.get(key) or self.ledger.find(key)
        if entry is not None:
            return entry
        flight = self._flights.get(key)
        if flight is None:
            flight = self._depart(original, key, transform)
        try:
            fetched = await asyncio.wait_for(asyncio.shield(flight.task), self.timeout)
        except TimeoutError:
            raise TimedOut("The image is still being rendered; try again soon.") from None
        if flight.is_void:
            raise NotFound("The image was deleted.")
        return fetched

    def _depart(self, original: Original, key: VariantKey, transform: Transform) -> _Flight:
        task = asyncio.create_task(self._load_or_render(original, key, transform))
        flight = _Flight(task, original.digest)
        self._flights[key] = flight

        def land(_task: asyncio.Task[Fetched]) -> None:
            if self._flights.get(key) is flight:
                del self._flights[key]
            if not task.cancelled():
                task.exception()  # seen, even when every waiter has gone

        task.add_done_callback(land)
        return flight

    async def _load_or_render(
        self, original: Original, key: VariantKey, transform: Transform
    ) -> Fetched:
        fetched = await self._load(key)
        if fetched is None:
            async with self.renderer.admit(Lane.INTERACTIVE, original):
                rendered = await self.renderer.render(original, transform, self.timeout)
            fetched = await self._keep(original, key, transform, rendered)
        flight = self._flights.get(key)
        if isinstance(fetched, Entry) and flight is not None and not flight.is_void:
            self.memory.put(fetched)
        return fetched

    async def _load(self, key: VariantKey) -> Fetched | None:
        variant = await self.store.find(key)
        if variant is None:
            return None
        self.ledger.touch(key)
        if variant.bytes > MAX_BODY_BYTES:
            path = self.files.path(key)
            return StoredFile(variant, path) if await self.files.is_whole(variant) else None
        body = await self.files.read(variant)
        return None if body is None else Entry(variant, body)

    async def _keep(
        self, original: Original, key: VariantKey, transform: Transform, rendered: Rendered
    ) -> Fetched:
        variant = self._variant(original, key, transform, rendered)
        if rendered.data is not None:
            entry = Entry(variant, rendered.data)
            flight = self._flights.get(key)
            if flight is not None and not flight.is_void:
                self.ledger.add(entry)
            return entry
        await self.files.write([(key, _spilled(rendered))])
        if key not in await self.store.add([variant]):
            await self.files.delete([key])
            raise NotFound("The image was deleted.")
        self.on_stored(variant.bytes)
        return StoredFile(variant, self.files.path(key))

    def _variant(
        self, original: Original, key: VariantKey, transform: Transform, rendered: Rendered
    ) -> Variant:
        now = self.clock()
        return Variant(
            key=key,
            digest=original.digest,
            transform=canonical(transform),
            format=rendered.format,
            width=rendered.width,
            height=rendered.height,
            bytes=rendered.bytes,
            crc32=rendered.crc32,
            created_at=now,
            last_used_at=now,
        )

    async def make(
        self, original: Original, transforms: Sequence[Transform], lane: Lane, timeout: float
    ) -> list[Variant | ImagesvcError]:
        """Make variants for a job: those missing, in one call of a worker; files in place.

        Returns:
            For each transform its variant, whose row is the caller's to write, or what failed.
        """
        wanted = [self.identify(original, transform) for transform in transforms]
        outcomes: dict[VariantKey, Variant | ImagesvcError] = {}
        for key, _transform in wanted:
            stored = await self.store.find(key)
            if stored is not None and await self.files.is_whole(stored):
                outcomes[key] = stored
        missing = [(key, concrete) for key, concrete in wanted if key not in outcomes]
        if missing:
            outcomes |= await self._render_missing(original, missing, lane, timeout)
        return [outcomes[key] for key, _transform in wanted]

    async def _render_missing(
        self,
        original: Original,
        missing: list[tuple[VariantKey, Transform]],
        lane: Lane,
        timeout: float,
    ) -> dict[VariantKey, Variant | ImagesvcError]:
        async with self.renderer.admit(lane, original):
            results = await self.renderer.render_each(
                original, [concrete for _key, concrete in missing], timeout
            )
        outcomes: dict[VariantKey, Variant | ImagesvcError] = {}
        contents: list[tuple[VariantKey, bytes | Path]] = []
        for (key, concrete), result in zip(missing, results, strict=True):
            if isinstance(result, ImagesvcError):
                outcomes[key] = result
            else:
                outcomes[key] = self._variant(original, key, concrete, result)
                content = result.data if result.data is not None else _spilled(result)
                contents.append((key, content))
        await self.files.write(contents)
        self.on_stored(sum(item.bytes for item in outcomes.values() if isinstance(item, Variant)))
        return outcomes

    async def discard(self, variants: Sequence[Variant]) -> None:
        """Remove the files of made variants whose original is gone."""
        keys = [variant.key for variant in variants]
        known = await self.store.known_keys(keys)
        await self.files.delete([key for key in keys if key not in known])

    def forget(self, digest: Digest) -> None:
        """Drop an original's variants from memory, and what is on its way of them."""
        for flight in self._flights.values():
            if flight.digest == digest:
                flight.is_void = True
        self.ledger.drop_original(digest)
        self.memory.remove_of_original(digest)

    async def purge(self, original: Original) -> int:
        """Remove every stored variant of an original; the number of them."""
        self.forget(original.digest)
        keys = await self.store.remove_of_original(original.digest)
        await self.files.delete(keys)
        return len(keys)

    async def stored(self, original: Original) -> list[tuple[Variant, bool]]:
        """The variants of an original that exist, and whether each is in memory too."""
        in_memory = self.memory.keys_of_original(original.digest)
        await self.ledger.flush()
        variants = await self.store.of_original(original.digest)
        return [(variant, variant.key in in_memory) for variant in variants]


def _spilled(rendered: Rendered) -> Path:
    if rendered.spill_path is None:
        raise ImagesvcError("A worker returned neither bytes nor a file.")
    return Path(rendered.spill_path)
