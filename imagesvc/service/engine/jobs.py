"""The runner of jobs, and what makes their variants."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from imagesvc.errors import Unavailable
from imagesvc.jobs.cluster.remote import RemoteRunner
from imagesvc.jobs.embedded import EmbeddedRunner
from imagesvc.jobs.execution import Execution
from imagesvc.jobs.limits import RunnerLimits
from imagesvc.jobs.maker import Maker
from imagesvc.jobs.mezzanines import Mezzanines
from imagesvc.jobs.runner import Runner
from imagesvc.service.engine.caches import Caches
from imagesvc.service.files import Files
from imagesvc.service.stores import Stores
from imagesvc.settings.settings import Settings
from imagesvc.store.files.incoming import Incoming

if TYPE_CHECKING:
    from imagesvc.jobs.cluster.worker import JobWorker

MISSING = "The worker needs procrastinate, which is not installed: pip install 'imagesvc[cluster]'"
CONCURRENCY = 8
"""Job slots for each worker, of which one owner gets half: one job runs, the others are being
claimed or settled, or wait for their turn.
"""


JOBS_OF_WORKER = 3
"""Jobs at once for each process of `imagesvc worker`: few, so that others get what waits."""


def runner_of(settings: Settings, files: Files, stores: Stores, caches: Caches) -> Runner:
    """The runner of the queue in the database; it is not started yet."""
    if not settings.is_embedded:
        return RemoteRunner(stores.jobs)
    limits = _limits_of(settings, CONCURRENCY)
    execution = _execution_of(settings, files, stores, caches, limits)
    return EmbeddedRunner(stores.jobs, execution, limits.concurrency)


def job_worker_of(
    settings: Settings,
    files: Files,
    stores: Stores,
    caches: Caches,
    check_room: Callable[[], Awaitable[None]],
) -> JobWorker:
    """What runs the jobs of a shared database while `check_room` passes; it is not started yet.

    Raises:
        Unavailable: procrastinate is not installed.
    """
    # Imported when needed: they are an extra.
    try:
        from imagesvc.jobs.cluster.engine import Engine  # noqa: PLC0415
        from imagesvc.jobs.cluster.worker import JobWorker  # noqa: PLC0415
        from imagesvc.store.db.postgres.database import PostgresDatabase  # noqa: PLC0415
    except ImportError as error:
        raise Unavailable(MISSING) from error
    if not isinstance(stores.database, PostgresDatabase):
        raise Unavailable("The database is not shared.")
    options = stores.database.connection_options
    limits = _limits_of(settings, JOBS_OF_WORKER)
    return JobWorker(
        stores.jobs,
        _execution_of(settings, files, stores, caches, limits),
        lambda run: Engine(options, run, limits.concurrency, settings.job_lease),
        check_room,
    )


def _limits_of(settings: Settings, jobs: int) -> RunnerLimits:
    return RunnerLimits(
        concurrency=jobs * settings.workers,
        job_timeout=settings.job_timeout,
        max_attempts=settings.max_attempts,
        retry_delay=settings.retry_delay,
    )


def _execution_of(
    settings: Settings, files: Files, stores: Stores, caches: Caches, limits: RunnerLimits
) -> Execution:
    maker = _maker_of(settings, files, stores, caches)
    return Execution(stores.jobs, maker, limits, partial(files.write_probe.check, now=True))


def _maker_of(settings: Settings, files: Files, stores: Stores, caches: Caches) -> Maker:
    mezzanines = Mezzanines(
        # The margin of free space is for uploads: jobs of accepted uploads may use it.
        incoming=Incoming(files.data_dir, max_bytes=settings.worker_memory, min_free_bytes=0),
        images=stores.images,
        publisher=stores.publisher,
        on_added=caches.images.forget_original,
    )
    return Maker(caches.variants, mezzanines)
