"""Fetch a variant on demand: from memory, from disk, or rendered once for all requests."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from imagesvc.cache.content import Content, Fetched
from imagesvc.cache.disk import DiskTier
from imagesvc.cache.failures import Failures
from imagesvc.cache.identity import Identities, VariantRequest
from imagesvc.cache.memory import Entry, MemoryCache
from imagesvc.cache.single_flight import InFlight, Make, SingleFlight
from imagesvc.errors import ImagesvcError, NotFound, TimedOut, WorkerDied
from imagesvc.imaging.cost import check_seconds
from imagesvc.imaging.messages import Rendered, content_of
from imagesvc.model.ids import ImageId, VariantKey, utc_now
from imagesvc.model.images import Variant
from imagesvc.model.jobs import Priority
from imagesvc.tracing.spans import span
from imagesvc.workers.renderer import Renderer

MAX_BODY_BYTES = 4 << 20
"""Larger variants are sent from their files, never from memory."""

Admit = Callable[[], None]


@dataclass(frozen=True, slots=True)
class VariantCache:
    """Every variant there is or could be; each is made once at a time.

    Jobs share `single_flight` and `failures`, so that a variant that a job makes is awaited here.
    """

    memory: MemoryCache
    disk: DiskTier
    identities: Identities
    renderer: Renderer
    timeout: float
    clock: Callable[[], datetime] = utc_now
    single_flight: SingleFlight = field(default_factory=SingleFlight)
    failures: Failures = field(default_factory=Failures)

    def find_in_memory(self, key: VariantKey) -> Fetched | None:
        """The variant, if it is in memory."""
        entry = self.memory.get(key) or self.disk.waiting(key)
        return None if entry is None else Fetched(entry, "memory")

    async def fetch(
        self, wanted: VariantRequest, admit: Admit | None = None, requester: str = ""
    ) -> Fetched:
        """The variant, rendered if it is in no cache.

        A rendering without requesters is stopped if it has not begun, or is expensive.

        Args:
            wanted: which, from `identities`.
            admit: called before it is rendered for this requester, and may raise.
            requester: on whose behalf it is rendered; requesters take turns.

        Raises:
            TimedOut: it is not there in time; a running rendering continues.
            TimedOut, WorkerDied: it failed like that a while ago, and is not tried again yet.
            Overloaded: too many renderings wait.
            CorruptImage, ImageTooLarge: the original cannot be decoded.
            TooCostly: it could not be made in time.
            NotFound: the image was deleted meanwhile.
        """
        make = partial(self._render, wanted, requester)
        return await self.fetch_or(make, wanted.key, wanted.image_id, admit)

    async def fetch_or(
        self, make: Make, key: VariantKey, image_id: ImageId, admit: Admit | None = None
    ) -> Fetched:
        """The cached variant of a key, or a new one; the other arguments as for `fetch`."""
        if (found := self.find_in_memory(key)) is not None:
            return found
        find_or_make = partial(self._find_or_make, make, admit)
        try:
            return await self.single_flight.share(key, image_id, find_or_make, self.timeout)
        except TimeoutError:
            raise TimedOut("The image is still being rendered; try again soon.") from None

    async def _find_or_make(self, make: Make, admit: Admit | None, started: InFlight) -> Fetched:
        """The variant that is cached by now, or the result of `make`.

        It is in memory afterwards.

        Raises:
            TimedOut, WorkerDied: it failed like that a while ago.
        """
        key = started.key
        found = self.find_in_memory(key)  # a job may have made it meanwhile
        if found is not None:
            return found
        fetched = await self._load(key)
        if fetched is None:
            failure = self.failures.find(key)
            if failure is not None and not self.disk.holds(key):
                raise failure
            if admit is not None:
                admit()
            fetched = await make(started)
        if isinstance(fetched.content, Entry) and not started.is_void:
            self.memory.put(fetched.content)
        return fetched

    async def _load(self, key: VariantKey) -> Fetched | None:
        """The variant, if it is on disk, whole."""
        variant = await self.disk.find(key)
        if variant is None:
            return None
        if variant.bytes > MAX_BODY_BYTES:
            if not await self.disk.is_whole(variant):
                return None
            return Fetched(self.disk.stored_content(variant), "disk")
        body = await self.disk.read(variant)
        return None if body is None else Fetched(Entry(variant, body), "disk")

    async def _render(self, wanted: VariantRequest, requester: str, started: InFlight) -> Fetched:
        with span("render") as traced:
            traced.note(imagesvc__image=str(wanted.image_id), imagesvc__transform=wanted.text)
            fetched = await self._rendered(wanted, requester, started)
            traced.note(**{f"imagesvc__{it}_seconds": took for it, took in fetched.seconds.items()})
            return fetched

    async def _rendered(self, wanted: VariantRequest, requester: str, started: InFlight) -> Fetched:
        began = time.perf_counter()
        wanted.plan.check(self.renderer.limits)
        cost = wanted.plan.cost
        check_seconds(cost, self.timeout)
        started.is_expensive = self.renderer.is_expensive(cost)
        async with self.renderer.admit(Priority.INTERACTIVE, cost, requester):
            started.has_begun = True
            queue_seconds = time.perf_counter() - began
            rendered = await self._render_once(wanted)
        started.is_expensive = False  # the rest of the work is not worth stopping
        if isinstance(rendered, ImagesvcError):
            raise rendered
        content = await self.keep(started, wanted.made(rendered, self.clock()), rendered)
        return Fetched(content, "rendered", {"queue": queue_seconds, **rendered.seconds})

    async def _render_once(self, wanted: VariantRequest) -> Rendered | ImagesvcError:
        began = time.perf_counter()
        plan = wanted.plan
        try:
            (rendered,) = await self.renderer.render_each(
                plan.original, wanted.source, [plan.transform], self.timeout
            )
        except (TimedOut, WorkerDied) as error:
            self.failures.add(wanted.key, error, time.perf_counter() - began)
            raise
        return rendered

    async def keep(self, started: InFlight, variant: Variant, rendered: Rendered) -> Content:
        """Store a new variant, unless its image was deleted meanwhile.

        Raises:
            NotFound: the image was deleted.
            InsufficientStorage: it is too large for memory, and the disk is full.
        """
        if rendered.data is not None:
            entry = Entry(variant, rendered.data)
            if not started.is_void:
                self.disk.put_behind(entry)
            return entry
        if started.key not in await self.disk.put([(variant, content_of(rendered))]):
            raise NotFound("The image was deleted.")
        return self.disk.stored_content(variant)

    def forget(self, *image_ids: ImageId) -> None:
        """Drop the variants of images from memory, and those in progress."""
        self.single_flight.void(*image_ids)
        self.disk.forget(*image_ids)
        self.memory.remove_of_images(*image_ids)

    async def purge(self, image_ids: Sequence[ImageId]) -> int:
        """Remove every stored variant of some images; the number of them."""
        purged = await self.disk.purge(image_ids)
        self.memory.remove_of_images(*image_ids)
        return purged

    async def stored(self, image_id: ImageId) -> list[tuple[Variant, bool]]:
        """The variants of an image that exist, and whether each is in memory too."""
        in_memory = set(self.memory.keys_of_images(image_id))
        variants = await self.disk.of_image(image_id)
        return [(variant, variant.key in in_memory) for variant in variants]
