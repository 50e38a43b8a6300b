"""Renders variants in the worker pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from imagesvc.errors import ImagesvcError, NotFound
from imagesvc.histograms import Histogram
from imagesvc.imaging.calls import ANALYSE, COPY_WITHOUT, RENDER, STAGES, Call
from imagesvc.imaging.cost import Cost
from imagesvc.imaging.limits import Limits
from imagesvc.imaging.messages import (
    Analysed,
    AnalyseRequest,
    Copied,
    Rendered,
    RenderRequest,
    Withheld,
)
from imagesvc.imaging.variant_plan import VariantPlan
from imagesvc.model.formats import Size
from imagesvc.model.ids import BlobName
from imagesvc.model.images import Original
from imagesvc.model.jobs import Priority
from imagesvc.model.transforms import Transform, Watermark
from imagesvc.store.files.blobs import BlobStore
from imagesvc.store.files.verified import VerifiedBlobs
from imagesvc.workers.admission import Kind
from imagesvc.workers.pool import WorkerPool

T = TypeVar("T")


@dataclass
class Renderer:
    """Has variants of stored originals rendered."""

    pool: WorkerPool
    blobs: BlobStore
    verified: VerifiedBlobs
    limits: Limits
    watermarks: Mapping[str, Watermark]
    stages: Mapping[str, Histogram] = field(
        default_factory=lambda: {stage: Histogram() for stage in STAGES}
    )
    """How long the stages of renderings have taken in workers, in seconds."""

    def admit(
        self, priority: Priority, cost: Cost, requester: str = ""
    ) -> AbstractAsyncContextManager[None]:
        """Wait until there is a worker, and memory for work of this cost."""
        return self.pool.admit(priority, cost, requester)

    def is_expensive(self, cost: Cost) -> bool:
        """Whether work of this cost occupies a worker for long."""
        return self.pool.admission.kind_of(cost) is Kind.EXPENSIVE

    async def render_each(
        self, original: Original, source: BlobName, transforms: Sequence[Transform], timeout: float
    ) -> Sequence[Rendered | ImagesvcError]:
        """Render concrete transforms in one call; the caller has been admitted.

        Args:
            original: what these are variants of.
            source: the blob to make them from: the original's, or its mezzanine's.
            transforms: what to make.
            timeout: seconds for all of them.

        Returns:
            For each transform what was made, or why it could not be.

        Raises:
            TimedOut, WorkerDied: nothing is known of any of them.
            NotFound: the original was deleted meanwhile.
            OriginalDamaged: its bytes have changed on the disk.
        """
        is_reduced = source != original.name
        async with self.verified.local(source) as path:
            request = RenderRequest(
                transforms=tuple(transforms),
                limits=self.limits,
                watermarks=self._needed(transforms),
                original=Size(original.width, original.height) if is_reduced else None,
            )
            results = await self._run(source, RENDER, request, path, timeout)
        self._note(results)
        if any(isinstance(result, ImagesvcError) for result in results):
            await self._check_source(source)
        return results

    async def analyse(
        self, original: Original, variants: Sequence[VariantPlan], timeout: float
    ) -> Analysed:
        """Find an original's analysis, make its mezzanine, and render; the caller was admitted.

        Raises:
            TimedOut, WorkerDied: nothing is known.
            CorruptImage, ImageTooLarge: the original cannot be decoded.
            NotFound: it was deleted meanwhile.
        """
        transforms = tuple(it.transform for it in variants)
        async with self.blobs.local(original.name) as path:
            request = AnalyseRequest(
                original=original,
                transforms=transforms,
                reduced=frozenset(it.transform for it in variants if it.is_reduced),
                limits=self.limits,
                watermarks=self._needed(transforms),
            )
            analysed = await self._run(original.name, ANALYSE, request, path, timeout)
        self._note(analysed.outcomes)
        return analysed

    async def copy_without(self, original: Original, withheld: Withheld, timeout: float) -> Copied:
        """Make a copy of an original without what is withheld; the caller was admitted.

        Raises:
            TimedOut, WorkerDied: nothing is known.
            NotFound: it was deleted meanwhile.
            OriginalDamaged: its bytes have changed on the disk.
        """
        async with self.verified.local(original.name) as path:
            try:
                return await self.pool.run(
                    COPY_WITHOUT,
                    original.format,
                    withheld,
                    timeout=timeout,
                    source=path,
                    max_files=1,
                )
            except ImagesvcError:
                await self._check_source(original.name)
                raise

    async def _run(
        self,
        source: BlobName,
        call: Call[T],
        request: RenderRequest | AnalyseRequest,
        path: Path,
        timeout: float,
    ) -> T:
        try:
            return await self.pool.run(
                call, request, timeout=timeout, source=path, max_files=len(request.transforms)
            )
        except ImagesvcError:
            await self._check_source(source)
            raise

    def _note(self, outcomes: Sequence[Rendered | ImagesvcError]) -> None:
        for outcome in outcomes:
            if isinstance(outcome, Rendered):
                for stage, seconds in outcome.seconds.items():
                    self.stages[stage].add(seconds)

    async def _check_source(self, source: BlobName) -> None:
        """A decoder calls a file that went away corrupt, or worse."""
        if await self.blobs.size(source) is None:
            raise NotFound("The original is missing.")

    def _needed(self, transforms: Sequence[Transform]) -> Mapping[str, Watermark]:
        return self.watermarks if any(transform.wm for transform in transforms) else {}
