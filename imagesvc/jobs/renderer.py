"""Renders variants in the worker pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from imagesvc.errors import ImagesvcError, NotFound
from imagesvc.imaging.calls import RENDER, Rendered, RenderRequest
from imagesvc.imaging.cost import render_bytes
from imagesvc.imaging.limits import Limits
from imagesvc.jobs.pool import WorkerPool
from imagesvc.model import Lane, Original, Transform, Watermark
from imagesvc.store.blobs import BlobStore

FIXED_COST = 32 << 20
"""Bytes a rendering holds beside what is predicted from pixels: tables, buffers, the output."""


@dataclass
class Renderer:
    """Has variants of stored originals rendered."""

    pool: WorkerPool
    blobs: BlobStore
    limits: Limits
    spill_dir: Path
    watermarks: Mapping[str, Watermark]

    def admit(
        self, lane: Lane, original: Original, transforms: Sequence[Transform]
    ) -> AbstractAsyncContextManager[None]:
        """Wait until there is a worker, and memory for the costliest of these renderings."""
        costliest = max(render_bytes(transform, original) for transform in transforms)
        return self.pool.admit(lane, costliest + FIXED_COST)

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
        async with self.blobs.local(original.digest) as path:
            try:
                results = await self.pool.run(
                    RENDER, self._request(path, transforms), timeout=timeout
                )
            except ImagesvcError:
                await self._check_original(original)
                raise
        if any(isinstance(result, ImagesvcError) for result in results):
            await self._check_original(original)
        return results

    async def _check_original(self, original: Original) -> None:
        """A decoder calls a file that went away corrupt, or worse."""
        if await self.blobs.size(original.digest) is None:
            raise NotFound("The original is gone.")

    def _request(self, path: Path, transforms: Sequence[Transform]) -> RenderRequest:
        has_watermark = any(transform.wm for transform in transforms)
        return RenderRequest(
            path=str(path),
            transforms=tuple(transforms),
            spill_dir=str(self.spill_dir),
            limits=self.limits,
            watermarks=self.watermarks if has_watermark else {},
        )

    async def render(self, original: Original, transform: Transform, timeout: float) -> Rendered:
        """Render one concrete transform; the caller has been admitted.

        Raises:
            ImagesvcError: why it could not be rendered.
        """
        (result,) = await self.render_each(original, [transform], timeout)
        if isinstance(result, ImagesvcError):
            raise result
        return result
