"""Makes the variants of a job: those that are missing, each at most once at a time."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from imagesvc.cache.content import Content, Fetched
from imagesvc.cache.identity import VariantRequest
from imagesvc.cache.memory import Entry
from imagesvc.cache.single_flight import InFlight
from imagesvc.cache.variants import VariantCache
from imagesvc.errors import (
    ImagesvcError,
    RateLimited,
    TimedOut,
    TooCostly,
    Unavailable,
    WorkerDied,
)
from imagesvc.imaging.cost import check_seconds, together
from imagesvc.imaging.messages import Rendered, content_of
from imagesvc.imaging.mezzanine import analysis_cost, planned_mezzanine
from imagesvc.jobs.calls import Call, MakeTask, planned_calls
from imagesvc.jobs.mezzanines import Mezzanines
from imagesvc.model.ids import VariantKey
from imagesvc.model.images import Analysis, Original, Variant

MAX_TIME_OUTS = 3
"""Calls of one attempt that may time out; the rest is not tried then."""

Outcome = Variant | ImagesvcError
Outcomes = dict[VariantKey, Outcome]


@dataclass(frozen=True, slots=True)
class Made:
    """The results of an attempt: one for each transform, and the analysis if it was missing."""

    outcomes: list[Outcome]
    analysis: Analysis | None


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes variants for jobs; concurrent requests share the work."""

    variants: VariantCache
    mezzanines: Mezzanines

    async def make(self, task: MakeTask, timeout: float) -> Made:
        """Make variants for a job: those missing; their files are in place.

        The first job of an original finds its analysis and makes its mezzanine on the way.
        """
        if task.needs_analysis:
            task = replace(task, original=planned_mezzanine(task.original))
        identify = self.variants.identities.identify
        wanted = [identify(task.image_id, task.original, item) for item in task.transforms]
        outcomes: Outcomes = {**await self.variants.disk.stored([item.key for item in wanted])}
        outcomes |= _refused([it for it in wanted if it.key not in outcomes], timeout)
        missing = list({item.key: item for item in wanted if item.key not in outcomes}.values())
        analysis = None
        if missing or task.needs_analysis:
            made, analysis = await self._make_missing(task, missing, timeout)
            outcomes |= made
        return Made([outcomes[item.key] for item in wanted], analysis)

    async def _make_missing(
        self, task: MakeTask, missing: list[VariantRequest], timeout: float
    ) -> tuple[Outcomes, Analysis | None]:
        """Make variants, several quick ones in a call, each slow one in its own.

        The results of a call are kept, even if later ones fail.
        """
        outcomes: Outcomes = {}
        analysis = None
        time_outs = 0
        waiting = deque(planned_calls(task, missing))
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
                if call.finds_analysis:
                    raise
                made, found = self._failed([call, *waiting] if is_over else [call], error, timeout)
                if is_over:
                    waiting.clear()
            analysis = found or analysis
            outcomes |= made
            if waiting:
                await self._record(made)
        return outcomes, analysis

    def _failed(
        self, calls: Sequence[Call], error: ImagesvcError, timeout: float
    ) -> tuple[Outcomes, None]:
        keys = [item.key for call in calls for item in call.items]
        if isinstance(error, TimedOut):
            self.variants.failures.add(keys[0], error, timeout)
        return dict.fromkeys(keys, error), None

    async def _record(self, made: Mapping[VariantKey, Outcome]) -> None:
        """Keep the results of one call of a job, in case the server does not finish the job."""
        variants = [outcome for outcome in made.values() if isinstance(outcome, Variant)]
        with contextlib.suppress(Unavailable):  # the end of the attempt tries it again
            await self.variants.disk.record(variants)

    async def _make_together(
        self, task: MakeTask, call: Call, timeout: float
    ) -> tuple[Outcomes, Analysis | None]:
        if call.finds_analysis:
            cost = analysis_cost(task.original, [item.plan.cost for item in call.items])
        else:
            call = await self._with_sources(task, call)
            cost = together(item.plan.cost for item in call.items)
        async with self.variants.renderer.admit(task.priority, cost, task.requester):
            outcomes = await self._cached_meanwhile(call.items)
            # Only now: a request that joined earlier would wait with this job's priority.
            others = [
                running
                for item in call.items
                if item.key not in outcomes
                and (running := self.variants.single_flight.find(item.key))
            ]
            taken = {running.key for running in others} | outcomes.keys()
            ours = [item for item in call.items if item.key not in taken]
            made, analysis = await self._make_ours(task, replace(call, items=ours), timeout)
            outcomes |= made
        for running in others:  # outside, since they may need the same worker
            outcomes[running.key] = await self._outcome_of(running, timeout)
        return outcomes, analysis

    async def _with_sources(self, task: MakeTask, call: Call) -> Call:
        """Name the mezzanine that this attempt has made, for the variants that it serves.

        Raises:
            NotFound: the image was deleted.
            Unavailable: there is no mezzanine; the next attempt works without one.
        """
        if not (task.needs_analysis and any(item.plan.is_reduced for item in call.items)):
            return call
        mezzanine = (await self.mezzanines.images.get(task.image_id)).original.mezzanine
        if mezzanine is None:
            raise Unavailable("The reduced copy of the original is not there.")
        items = [
            replace(item, source=mezzanine.name) if item.plan.is_reduced else item
            for item in call.items
        ]
        return replace(call, items=items)

    async def _cached_meanwhile(self, missing: Sequence[VariantRequest]) -> Outcomes:
        found = [
            item
            for item in missing
            if self.variants.disk.waiting(item.key)
            or self.variants.disk.holds(item.key) is not False
        ]
        if not found:
            return {}
        await self.variants.disk.flush()
        return {**await self.variants.disk.stored([item.key for item in found])}

    async def _make_ours(
        self, task: MakeTask, call: Call, timeout: float
    ) -> tuple[Outcomes, Analysis | None]:
        ours = call.items
        single_flight = self.variants.single_flight
        started = [single_flight.start(item.key, item.image_id, is_of_job=True) for item in ours]
        completed: dict[VariantKey, Fetched | ImagesvcError] = {}
        analysis = None
        try:
            if call.finds_analysis:
                analysis, results = await self._analyse(task, ours, timeout)
            else:
                results = await self._render_each(task.original, ours, timeout)
            completed = await self._keep(ours, results)
        finally:
            stopped = WorkerDied("The rendering was stopped.")
            for it in started:
                single_flight.complete(it, completed.get(it.key, stopped))
        outcomes = {
            key: outcome if isinstance(outcome, ImagesvcError) else outcome.variant
            for key, outcome in completed.items()
        }
        return outcomes, analysis

    async def _analyse(
        self, task: MakeTask, ours: list[VariantRequest], timeout: float
    ) -> tuple[Analysis, Sequence[Rendered | ImagesvcError]]:
        original = task.original
        plans = [item.plan for item in ours]
        analysed = await self.variants.renderer.analyse(original, plans, timeout)
        planned = original.mezzanine
        if analysed.mezzanine is not None and planned is not None:
            await self.mezzanines.keep(task.image_id, original, planned, analysed.mezzanine)
        return analysed.analysis, analysed.outcomes

    async def _render_each(
        self, original: Original, ours: list[VariantRequest], timeout: float
    ) -> list[Rendered | ImagesvcError]:
        results: dict[VariantKey, Rendered | ImagesvcError] = {}
        for source in dict.fromkeys(item.source for item in ours):
            group = [item for item in ours if item.source == source]
            made = await self.variants.renderer.render_each(
                original, source, [item.plan.transform for item in group], timeout
            )
            results |= zip((item.key for item in group), made, strict=True)
        return [results[item.key] for item in ours]

    async def _keep(
        self, wanted: list[VariantRequest], results: Sequence[Rendered | ImagesvcError]
    ) -> dict[VariantKey, Fetched | ImagesvcError]:
        kept: dict[VariantKey, Fetched | ImagesvcError] = {}
        made: list[tuple[Variant, Rendered]] = []
        for item, result in zip(wanted, results, strict=True):
            if isinstance(result, ImagesvcError):
                kept[item.key] = result
                continue
            variant = item.made(result, self.variants.clock())
            made.append((variant, result))
            kept[item.key] = Fetched(self._content(variant, result), "rendered", result.seconds)
        await self.variants.disk.write(
            [(variant, content_of(rendered)) for variant, rendered in made]
        )
        return kept

    def _content(self, variant: Variant, rendered: Rendered) -> Content:
        if rendered.data is None:
            return self.variants.disk.stored_content(variant)
        return Entry(variant, rendered.data)

    async def _outcome_of(self, running: InFlight, timeout: float) -> Outcome:
        try:
            fetched = await running.wait(timeout)
        except TimeoutError:
            return Unavailable("Another request renders this variant and is not done.")
        except (RateLimited, TimedOut):  # limits of the requester, not of this job
            return Unavailable("Another request was to render this variant and did not.")
        except ImagesvcError as error:
            return error
        await self.variants.disk.flush()  # so that the file is there before the job's row is
        return fetched.variant


def _refused(wanted: Sequence[VariantRequest], timeout: float) -> Outcomes:
    """Variants that would be stopped at the time limit, each with the error."""
    refused: Outcomes = {}
    for item in wanted:
        try:
            check_seconds(item.plan.cost, timeout)
        except TooCostly as error:
            refused[item.key] = error
    return refused
