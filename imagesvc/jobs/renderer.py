"""Renders variants in the worker pool."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from imagesvc.errors import ImagesvcError, NotFound
from imagesvc.imaging.calls import RENDER, Rendered, RenderRequest
from imagesvc.imaging.cost import render_bytes
from imagesvc.imaging.limits import Limits
from imagesvc.jobs.pool import WorkerPool
from imagesvc.model import Lane, Original, Transform
from imagesvc.store.blobs import BlobStore

FIXED_COST = 32 << 20
"""Bytes a rendering holds beside what is predicted from pixels: tables, buffers, the output."""


class Renderer:
    """Has variants of stored originals rendered."""

    def __init__(
        self, *, pool: WorkerPool, blobs: BlobStore, limits: Limits, spill_dir: Path
    ) -> None:
        self._pool = pool
        self._blobs = blobs
        self._limits = limits
        self._spill_dir = str(spill_dir)

    def admit(
        self, lane: Lane, original: Original, transforms: Sequence[Transform]
    ) -> AbstractAsyncContextManager[None]:
        """Wait until there is a worker, and memory for the costliest of these renderings."""
        costliest = max(render_bytes(transform, original) for transform in transforms)
        return self._pool.admit(lane, costliest + FIXED_COST)

    async def render_each(
        self, original: Original, transforms: Sequence[Transform], timeout: float
    ) -> Sequence[Rendered | ImagesvcError]:
        """Render concrete transforms in one call; the caller has been admitted.

        Returns:
            For each transform what was made, or why it could not be.

        Raises:
            TimedOut, WorkerDied: nothing is known of any of them.
            NotFound: the original was deleted meanwhile.
        """
        async with self._blobs.local(original.digest) as path:
            request = RenderRequest(str(path), tuple(transforms), self._spill_dir, self._limits)
            try:
                results = await self._pool.run(RENDER, request, timeout=timeout)
            except ImagesvcError:
                await self._check_original(original)
                raise
        if any(isinstance(result, ImagesvcError) for result in results):
            await self._check_original(original)
        return results

    async def _check_original(self, original: Original) -> None:
        """A decoder calls a file that went away corrupt, or worse."""
        if await self._blobs.size(original.digest) is None:
            raise NotFound("The original is gone.")

    async def render(self, original: Original, transform: Transform, timeout: float) -> Rendered:
        """Render one concrete transform; the caller has been admitted.

        Raises:
            ImagesvcError: why it could not be rendered.
        """
        (result,) = await self.render_each(original, [transform], timeout)
        if isinstance(result, ImagesvcError):
            raise result
        return result
