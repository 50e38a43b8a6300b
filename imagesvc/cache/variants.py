"""Fetch a variant: from memory, from disk, or have it rendered once however many ask."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import BinaryIO

import structlog

from imagesvc.cache.batches import SHARED_SECONDS, batches, seconds_after_decoding
from imagesvc.cache.failures import Failures
from imagesvc.cache.flights import Content, Fetched, Flight, Flights, StoredFile
from imagesvc.cache.ledger import Ledger
from imagesvc.cache.memory import Entry, MemoryCache
from imagesvc.cache.mezzanines import Mezzanines
from imagesvc.errors import (
    ImagesvcError,
    NotFound,
    RateLimited,
    TimedOut,
    TooCostly,
    Unavailable,
    WorkerDied,
)
from imagesvc.imaging.calls import Rendered
from imagesvc.imaging.cost import Cost, check_seconds, render_cost, together
from imagesvc.imaging.limits import Limits
from imagesvc.imaging.mezzanine import ingest_cost, planned_mezzanine, serves
from imagesvc.imaging.transforms.fitting import check_can_be_made
from imagesvc.imaging.transforms.transform import canonical, effective, variant_key
from imagesvc.jobs.runner import MakeTask
from imagesvc.model import (
    Digest,
    Facts,
    Format,
    ImageId,
    Lane,
    Original,
    Size,
    Transform,
    Variant,
    VariantKey,
    utc_now,
)
from imagesvc.store.files.files import named_error
from imagesvc.store.files.variant_files import VariantFiles
from imagesvc.store.variants import VariantStore
from imagesvc.workers.renderer import Renderer

log = structlog.get_logger()

MAX_BODY_BYTES = 4 << 20
"""Larger variants are sent from their files, never from memory."""
MAX_TIME_OUTS = 3
"""Calls of one attempt of a job that may take too long; what is left is not tried then."""

Outcome = Variant | ImagesvcError
Admit = Callable[[], None]
Make = Callable[[Flight], Awaitable[Fetched]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A variant of an image: its key, the concrete transform, and the blob that it is made from."""

    image_id: ImageId
    key: VariantKey
    transform: Transform
    source: Digest

    def cost(self, original: Original) -> Cost:
        """What making it of its original is predicted to take."""
        return render_cost(self.transform, original, is_reduced=self.source != original.digest)

    def check(self, original: Original, limits: Limits) -> None:
        """Refuse at once what a worker would refuse.

        Raises:
            InvalidTransform: there is nothing where `crop` is.
            ImageTooLarge: it is too large, or takes too much memory.
        """
        is_reduced = self.source != original.digest
        check_can_be_made(self.transform, original, limits, is_reduced=is_reduced)


@dataclass(frozen=True, slots=True)
class Made:
    """What a job's attempt made: an outcome for each transform, and facts if they were missing."""

    outcomes: list[Outcome]
    facts: Facts | None


@dataclass(frozen=True, slots=True)
class _Call:
    """What a job has a worker do in one call."""

    items: list[Wanted]
    finds_facts: bool = False

    def parts(self) -> list[_Call]:
        """The same in calls of their own; none where it is one thing."""
        if self.finds_facts + len(self.items) == 1:
            return []
        first = [_Call([], finds_facts=True)] if self.finds_facts else []
        return first + [_Call([item]) for item in self.items]


@dataclass(frozen=True, slots=True)
class VariantCache:
    """Every variant there is or could be; each is made once at a time."""

    memory: MemoryCache
    ledger: Ledger
    store: VariantStore
    files: VariantFiles
    renderer: Renderer
    mezzanines: Mezzanines
    quality: Mapping[Format, int]
    timeout: float
    on_stored: Callable[[int], None]
    clock: Callable[[], datetime] = utc_now
    _failures: Failures = field(default_factory=Failures)
    _flights: Flights = field(default_factory=Flights)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def identify(self, image_id: ImageId, original: Original, transform: Transform) -> Wanted:
        """Which variant a transform of an image is.

        Images that share an original share no variants: what is cached of one would tell the
        owner of the other that it exists. One made from the mezzanine has a key of its own,
        since its bytes are not those that the original gives: an ETag must name one
        representation.

        Raises:
            InvalidTransform: this original has no such variant.
        """
        concrete = effective(transform, original, self.quality, self.renderer.watermarks)
        key = variant_key(original.digest, concrete)
        mezzanine = original.mezzanine
        if mezzanine is None or not serves(
            Size(mezzanine.width, mezzanine.height), concrete, original
        ):
            return Wanted(image_id, _key_of_image(image_id, key), concrete, original.digest)
        reduced = _key_of_image(image_id, f"{key} from mezzanine")
        return Wanted(image_id, reduced, concrete, mezzanine.digest)

    def at_hand(self, key: VariantKey) -> Fetched | None:
        """The variant, if it is in memory."""
        entry = self.memory.get(key) or self.ledger.find(key)
        return None if entry is None else Fetched(entry, "memory")

    async def fetch(
        self,
        original: Original,
        wanted: Wanted,
        admit: Admit | None = None,
        requester: str = "",
    ) -> Fetched:
        """The variant, rendered if nobody has asked before.

        A rendering that nobody waits for any more is stopped if it has not begun, or is dear.

        Args:
            original: what it is a variant of.
            wanted: which, from `identify`.
            admit: called before it is rendered for this asker, and may raise.
            requester: on whose behalf it is rendered; requesters take turns.

        Raises:
            TimedOut: it is not there in time; what a worker has begun goes on.
            TimedOut, WorkerDied: it failed like that a while ago, and is not tried again yet.
            Overloaded: too many renderings wait.
            CorruptImage, ImageTooLarge: the original cannot be decoded.
            TooCostly: it could not be made in time.
            NotFound: the image was deleted meanwhile.
        """
        make = partial(self._render, original, wanted, requester)
        return await self.fetch_or(make, wanted.key, wanted.image_id, admit)

    async def fetch_or(
        self, make: Make, key: VariantKey, image_id: ImageId, admit: Admit | None = None
    ) -> Fetched:
        """What is cached under a key, made if there is nothing; the other arguments as `fetch`."""
        while True:
            if (found := self.at_hand(key)) is not None:
                return found
            flight = self._flights.find(key)
            if flight is None:
                failure = self._failures.find(key)
                if failure is not None and not self.files.holds(key):
                    raise failure
                return await self._join(self._depart(make, key, image_id, admit))
            try:
                return await self._join(flight)
            except RateLimited:
                continue  # that was the limit of the asker who began the flight
            except Unavailable:
                is_ended = flight.is_stopped or flight.is_of_job
                if not (is_ended and flight.landing.done()):
                    raise
                continue  # it was ended for a reason of others

    async def _join(self, flight: Flight) -> Fetched:
        try:
            fetched = await flight.wait(self.timeout)
        except TimeoutError:
            raise TimedOut("The image is still being rendered; try again soon.") from None
        if flight.is_void:
            raise NotFound("The image was deleted.")
        return fetched

    def _depart(
        self, make: Make, key: VariantKey, image_id: ImageId, admit: Admit | None
    ) -> Flight:
        flight = self._flights.begin(key, image_id, is_of_job=False)
        task = asyncio.create_task(self._fly(flight, make, admit))
        flight.task = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return flight

    async def _fly(self, flight: Flight, make: Make, admit: Admit | None) -> None:
        outcome: Fetched | ImagesvcError = WorkerDied("The rendering was stopped.")
        try:
            content = await self._load(flight.key)
            if content is not None:
                outcome = Fetched(content, "disk")
            else:
                if admit is not None:
                    admit()
                outcome = await make(flight)
            if isinstance(outcome.content, Entry) and not flight.is_void:
                self.memory.put(outcome.content)
        except ImagesvcError as error:
            outcome = error
        except Exception as error:
            known = named_error(error)
            if known is None:
                log.exception("bug in a rendering", action="variant.bug")
            outcome = known or ImagesvcError("An internal error stopped this rendering.")
        finally:
            self._flights.land(flight, outcome)

    async def _load(self, key: VariantKey) -> Content | None:
        if not self.files.holds(key):  # then a row, if there is one, is of no use
            return None
        variant = await self.store.find(key)
        if variant is None:
            return None
        self.ledger.touch(key)
        if variant.bytes > MAX_BODY_BYTES:
            whole = await self.files.is_whole(variant)
            return StoredFile(variant, self.files.path(key)) if whole else None
        body = await self.files.read(variant)
        return None if body is None else Entry(variant, body)

    async def _render(
        self, original: Original, wanted: Wanted, requester: str, flight: Flight
    ) -> Fetched:
        began = time.perf_counter()
        wanted.check(original, self.renderer.limits)
        cost = wanted.cost(original)
        check_seconds(cost, self.timeout)
        flight.is_dear = self.renderer.is_dear(cost)
        async with self.renderer.admit(Lane.INTERACTIVE, cost, requester):
            flight.has_begun = True
            queue_seconds = time.perf_counter() - began
            rendered = await self._render_once(original, wanted)
        flight.is_dear = False  # what is left to do is not worth stopping
        if isinstance(rendered, ImagesvcError):
            raise rendered
        variant = self._variant(wanted, rendered)
        content = await self.keep(flight, variant, rendered)
        return Fetched(content, "rendered", {"queue": queue_seconds, **rendered.seconds})

    async def _render_once(self, original: Original, wanted: Wanted) -> Rendered | ImagesvcError:
        began = time.perf_counter()
        try:
            (rendered,) = await self.renderer.render_each(
                original, wanted.source, [wanted.transform], self.timeout
            )
        except (TimedOut, WorkerDied) as error:
            self._failures.add(wanted.key, error, time.perf_counter() - began)
            raise
        return rendered

    async def keep(self, flight: Flight, variant: Variant, rendered: Rendered) -> Content:
        """Store what was made for a flight, unless its image was deleted meanwhile.

        Raises:
            NotFound: the image was deleted.
            InsufficientStorage: it is too large for memory, and the disk is full.
        """
        if rendered.data is not None:
            entry = Entry(variant, rendered.data)
            if not flight.is_void:
                self.ledger.add(entry)
            return entry
        await self.files.write([(flight.key, _content(rendered))])
        if flight.key not in await self.store.add([variant]):
            await self.files.delete([flight.key])
            raise NotFound("The image was deleted.")
        self.on_stored(variant.bytes)
        return StoredFile(variant, self.files.path(flight.key))

    def _variant(self, wanted: Wanted, rendered: Rendered) -> Variant:
        now = self.clock()
        return Variant(
            key=wanted.key,
            image_id=wanted.image_id,
            transform=canonical(wanted.transform),
            format=rendered.format,
            width=rendered.width,
            height=rendered.height,
            bytes=rendered.bytes,
            crc32=rendered.crc32,
            created_at=now,
            last_used_at=now,
        )

    async def make(self, task: MakeTask, timeout: float) -> Made:
        """Make variants for a job: those missing; their files are in place.

        The first job of an original finds its facts and makes its mezzanine on the way.
        """
        original = task.original
        if task.needs_facts:
            original = planned_mezzanine(original)
        wanted = [self.identify(task.image_id, original, item) for item in task.transforms]
        outcomes = await self._whole(wanted)
        outcomes |= _refused([it for it in wanted if it.key not in outcomes], original, timeout)
        missing = list({item.key: item for item in wanted if item.key not in outcomes}.values())
        facts = None
        if missing or task.needs_facts:
            made, facts = await self._make_missing(task, missing, timeout)
            outcomes |= made
        return Made([outcomes[item.key] for item in wanted], facts)

    async def _whole(self, wanted: Sequence[Wanted]) -> dict[VariantKey, Outcome]:
        stored = await self.store.find_all([item.key for item in wanted])
        return {key: found for key, found in stored.items() if await self.files.is_whole(found)}

    async def _make_missing(
        self, task: MakeTask, missing: list[Wanted], timeout: float
    ) -> tuple[dict[VariantKey, Outcome], Facts | None]:
        """Make variants, several quick ones in a call, each that takes long in its own.

        What a call has made stays made, whatever becomes of later ones.
        """
        outcomes: dict[VariantKey, Outcome] = {}
        facts = None
        time_outs = 0
        waiting = deque(_calls(task, missing))
        while waiting:
            call = waiting.popleft()
            try:
                made, found = await self._make_together(task, call, timeout)
            except ImagesvcError as error:
                time_outs += isinstance(error, TimedOut)
                is_over = time_outs == MAX_TIME_OUTS
                is_lost = isinstance(error, TimedOut | WorkerDied) and not is_over
                if is_lost and (parts := call.parts()):  # which of them was it?
                    waiting.extendleft(reversed(parts))
                    continue
                if call.finds_facts:
                    raise
                made, found = self._failed([call, *waiting] if is_over else [call], error, timeout)
                if is_over:
                    waiting.clear()
            facts = found or facts
            outcomes |= made
            if waiting:
                await self._record(made)
        return outcomes, facts

    def _failed(
        self, calls: Sequence[_Call], error: ImagesvcError, timeout: float
    ) -> tuple[dict[VariantKey, Outcome], None]:
        keys = [item.key for call in calls for item in call.items]
        if isinstance(error, TimedOut):
            self._failures.add(keys[0], error, timeout)
        return dict.fromkeys(keys, error), None

    async def _record(self, made: Mapping[VariantKey, Outcome]) -> None:
        """Keep what one call of a job has made, should the server not come to its end."""
        variants = [outcome for outcome in made.values() if isinstance(outcome, Variant)]
        with contextlib.suppress(Unavailable):  # the end of the attempt tries it again
            await self.store.add(variants)

    async def _make_together(
        self, task: MakeTask, call: _Call, timeout: float
    ) -> tuple[dict[VariantKey, Outcome], Facts | None]:
        if call.finds_facts:
            cost = ingest_cost(task.original, [item.transform for item in call.items])
        else:
            call = await self._with_sources(task, call)
            cost = together(item.cost(task.original) for item in call.items)
        async with self.renderer.admit(task.lane, cost, task.requester):
            outcomes = await self._made_meanwhile(call.items)
            # Only now: an asker who joined a flight earlier would wait in this job's lane.
            others = [
                flight
                for item in call.items
                if item.key not in outcomes and (flight := self._flights.find(item.key))
            ]
            taken = {flight.key for flight in others} | outcomes.keys()
            ours = [item for item in call.items if item.key not in taken]
            made, facts = await self._fly_for_job(task, replace(call, items=ours), timeout)
            outcomes |= made
        for flight in others:  # outside, since they may need the worker that was held
            outcomes[flight.key] = await self._outcome_of(flight, timeout)
        return outcomes, facts

    async def _with_sources(self, task: MakeTask, call: _Call) -> _Call:
        """Name the mezzanine that this attempt has made, for the variants that it serves.

        Raises:
            NotFound: the image was deleted.
            Unavailable: there is no mezzanine; the next attempt goes on without one.
        """
        served = set(_served(task, call.items)) if task.needs_facts else set()
        if not served:
            return call
        mezzanine = (await self.mezzanines.images.get(task.image_id)).original.mezzanine
        if mezzanine is None:
            raise Unavailable("The reduced copy of the original is not there.")
        items = [
            replace(item, source=mezzanine.digest) if item in served else item
            for item in call.items
        ]
        return replace(call, items=items)

    async def _made_meanwhile(self, missing: Sequence[Wanted]) -> dict[VariantKey, Outcome]:
        landed = [
            item for item in missing if self.ledger.find(item.key) or self.files.holds(item.key)
        ]
        if not landed:
            return {}
        await self.ledger.flush()
        return await self._whole(landed)

    async def _fly_for_job(
        self, task: MakeTask, call: _Call, timeout: float
    ) -> tuple[dict[VariantKey, Outcome], Facts | None]:
        ours = call.items
        flights = [self._flights.begin(item.key, item.image_id, is_of_job=True) for item in ours]
        landed: dict[VariantKey, Fetched | ImagesvcError] = {}
        facts = None
        try:
            if call.finds_facts:
                facts, results = await self._ingest(task, ours, timeout)
            else:
                results = await self._render_each(task.original, ours, timeout)
            landed = await self._keep(ours, results)
        finally:
            stopped = WorkerDied("The rendering was stopped.")
            for flight in flights:
                self._flights.land(flight, landed.get(flight.key, stopped))
        outcomes = {
            key: outcome if isinstance(outcome, ImagesvcError) else outcome.variant
            for key, outcome in landed.items()
        }
        return outcomes, facts

    async def _ingest(
        self, task: MakeTask, ours: list[Wanted], timeout: float
    ) -> tuple[Facts, Sequence[Rendered | ImagesvcError]]:
        original = task.original
        transforms = [item.transform for item in ours]
        ingested = await self.renderer.ingest(original, transforms, timeout)
        planned = planned_mezzanine(original).mezzanine
        if ingested.mezzanine is not None and planned is not None:
            await self.mezzanines.keep(task.image_id, original, planned, ingested.mezzanine)
        return ingested.facts, ingested.outcomes

    async def _render_each(
        self, original: Original, ours: list[Wanted], timeout: float
    ) -> list[Rendered | ImagesvcError]:
        results: dict[VariantKey, Rendered | ImagesvcError] = {}
        for source in dict.fromkeys(item.source for item in ours):
            group = [item for item in ours if item.source == source]
            made = await self.renderer.render_each(
                original, source, [item.transform for item in group], timeout
            )
            results |= zip((item.key for item in group), made, strict=True)
        return [results[item.key] for item in ours]

    async def _keep(
        self, wanted: list[Wanted], results: Sequence[Rendered | ImagesvcError]
    ) -> dict[VariantKey, Fetched | ImagesvcError]:
        kept: dict[VariantKey, Fetched | ImagesvcError] = {}
        contents: list[tuple[VariantKey, bytes | BinaryIO]] = []
        for item, result in zip(wanted, results, strict=True):
            key = item.key
            if isinstance(result, ImagesvcError):
                kept[key] = result
                continue
            variant = self._variant(item, result)
            contents.append((key, _content(result)))
            if result.data is None:
                content: Content = StoredFile(variant, self.files.path(key))
            else:
                content = Entry(variant, result.data)
            kept[key] = Fetched(content, "rendered", result.seconds)
        await self.files.write(contents)
        self.on_stored(sum(result.bytes for result in results if isinstance(result, Rendered)))
        return kept

    async def _outcome_of(self, flight: Flight, timeout: float) -> Outcome:
        try:
            fetched = await flight.wait(timeout)
        except TimeoutError:
            return Unavailable("Another request renders this variant and is not done.")
        except (RateLimited, TimedOut):  # limits of the asker who was to render it, not of this job
            return Unavailable("Another request was to render this variant and did not.")
        except ImagesvcError as error:
            return error
        await self.ledger.flush()  # so that the file is there before the job's row is
        return fetched.variant

    async def discard(self, variants: Sequence[Variant]) -> None:
        """Remove the files of made variants whose image is gone."""
        keys = [variant.key for variant in variants]
        known = await self.store.known_keys(keys)
        await self.files.delete([key for key in keys if key not in known])

    def forget(self, image_id: ImageId) -> None:
        """Drop an image's variants from memory, and what is on its way of them."""
        self._flights.void(image_id)
        self.ledger.drop_image(image_id)
        self.memory.remove_of_image(image_id)

    async def purge(self, image_id: ImageId) -> int:
        """Remove every stored variant of an image; the number of them."""
        await self.ledger.flush()
        self.ledger.drop_image(image_id)
        self.memory.remove_of_image(image_id)
        keys = await self.store.remove_of_image(image_id)
        await self.files.delete(keys)
        return len(keys)

    async def stored(self, image_id: ImageId) -> list[tuple[Variant, bool]]:
        """The variants of an image that exist, and whether each is in memory too."""
        in_memory = set(self.memory.keys_of_image(image_id))
        await self.ledger.flush()
        variants = await self.store.of_image(image_id)
        return [(variant, variant.key in in_memory) for variant in variants]


def _key_of_image(image_id: ImageId, content: str) -> VariantKey:
    return VariantKey(hashlib.sha256(f"{image_id} {content}".encode()).hexdigest())


def _calls(task: MakeTask, missing: Sequence[Wanted]) -> list[_Call]:
    """The calls that make what is missing of a job, and find its facts first if need be."""
    original = task.original
    if not task.needs_facts:
        groups = batches(missing, lambda item: item.cost(original).seconds)
        return [_Call(group) for group in groups]
    served = set(_served(task, missing))

    def seconds(item: Wanted) -> float:
        return 0.0 if item in served else seconds_after_decoding(item.transform, original)

    groups = batches(missing, seconds)
    if not groups or seconds(groups[0][0]) > SHARED_SECONDS:
        groups.insert(0, [])
    first, *later = groups
    return [_Call(first, finds_facts=True), *map(_Call, later)]


def _served(task: MakeTask, items: Sequence[Wanted]) -> list[Wanted]:
    """Those that the mezzanine serves which the job makes."""
    planned = planned_mezzanine(task.original).mezzanine
    if planned is None:
        return []
    size = Size(planned.width, planned.height)
    return [item for item in items if serves(size, item.transform, task.original)]


def _refused(
    wanted: Sequence[Wanted], original: Original, timeout: float
) -> dict[VariantKey, Outcome]:
    """Those that would be stopped at the time limit, each with the error that says so."""
    refused: dict[VariantKey, Outcome] = {}
    for item in wanted:
        try:
            check_seconds(item.cost(original), timeout)
        except TooCostly as error:
            refused[item.key] = error
    return refused


def _content(rendered: Rendered) -> bytes | BinaryIO:
    if rendered.data is not None:
        return rendered.data
    if rendered.file is None:
        raise ImagesvcError("A worker returned neither bytes nor a file.")
    return rendered.file
