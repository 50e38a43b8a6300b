"""The worker processes, and rendering in them."""

from __future__ import annotations

from dataclasses import dataclass

from imagesvc.imaging.limits import Limits
from imagesvc.service.engine.transforms import Transforms
from imagesvc.service.files import Files
from imagesvc.settings.settings import Settings
from imagesvc.workers.pool import PoolLimits, WorkerPool
from imagesvc.workers.renderer import Renderer
from imagesvc.workers.sandbox.policy import Sandbox

RESIDENT_BYTES = 512 << 20
DECODE_SHARE = 0.6
"""The part of a worker's address space for a decode; code, libraries and output need the rest."""


@dataclass(frozen=True, slots=True)
class Workers:
    """The pool of processes, and what they do for requests and jobs."""

    pool: WorkerPool
    limits: Limits
    """What images may ask of a worker."""
    renderer: Renderer


def workers_of(settings: Settings, files: Files, transforms: Transforms) -> Workers:
    """The pool, whose processes are not started yet."""
    pool = WorkerPool(pool_limits(settings), files.data_dir.tmp, Sandbox(settings.sandbox))
    limits = Limits(
        max_pixels=settings.max_pixels,
        max_frames=settings.max_frames,
        max_decode_bytes=int(settings.worker_memory * DECODE_SHARE),
    )
    renderer = Renderer(
        pool=pool,
        blobs=files.blobs,
        verified=files.verified,
        limits=limits,
        watermarks=transforms.watermarks,
    )
    return Workers(pool, limits, renderer)


def pool_limits(settings: Settings) -> PoolLimits:
    """The limits of the worker pool from the settings."""
    return PoolLimits(
        workers=settings.workers,
        worker_memory=settings.worker_memory,
        worker_jobs=settings.worker_jobs,
        worker_resident=RESIDENT_BYTES,
        decode_memory=settings.decode_memory,
        output_bytes=settings.worker_memory,
        queue_size=settings.queue_size,
    )
