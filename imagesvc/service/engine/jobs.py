"""The runner of jobs, and what makes their variants."""

from __future__ import annotations

from imagesvc.jobs.embedded import EmbeddedRunner
from imagesvc.jobs.limits import RunnerLimits
from imagesvc.jobs.maker import Maker
from imagesvc.jobs.mezzanines import Mezzanines
from imagesvc.jobs.runner import Runner
from imagesvc.service.engine.caches import Caches
from imagesvc.service.files import Files
from imagesvc.service.stores import Stores
from imagesvc.settings.settings import Settings
from imagesvc.store.files.incoming import Incoming

CONCURRENCY = 8
"""Job slots for each worker, of which one owner gets half: one job runs, the others are being
claimed or settled, or wait for their turn.
"""


def runner_of(settings: Settings, files: Files, stores: Stores, caches: Caches) -> Runner:
    """The runner of the queue in the database; it is not started yet."""
    mezzanines = Mezzanines(
        # The margin of free space is for uploads: jobs of accepted uploads may use it.
        incoming=Incoming(files.data_dir, max_bytes=settings.worker_memory, min_free_bytes=0),
        images=stores.images,
        publisher=stores.publisher,
        on_added=caches.images.forget_original,
    )
    limits = RunnerLimits(
        concurrency=CONCURRENCY * settings.workers,
        job_timeout=settings.job_timeout,
        max_attempts=settings.max_attempts,
        retry_delay=settings.retry_delay,
    )
    return EmbeddedRunner(stores.jobs, Maker(caches.variants, mezzanines), limits)
