"""procrastinate as the engine of a worker: it fetches jobs, and has dead workers' jobs run again.

Source: https://procrastinate.readthedocs.io/en/stable/howto/production/retry_stalled_jobs.html
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import psycopg
from procrastinate import App, JobContext, PsycopgConnector
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from procrastinate.worker import Worker

from imagesvc.store.db.postgres.idle import IDLE_LIMIT
from imagesvc.store.db.postgres.pulse import Sockets
from imagesvc.store.jobs.engine import QUEUE, TASK

CONNECTIONS = 4
"""Besides the one that listens."""
POLL_SECONDS = 2.0
"""Between two looks for jobs that are due now and were added earlier: no commit tells of them."""
BEATS = 3
"""Signs of life within the time after which a worker counts as dead."""
CONNECT_SECONDS = 10.0
SILENT_SECONDS = 8.0
"""After which connections are broken: PostgreSQL hangs, or another server has taken its place."""
_FINISH = """
SELECT procrastinate_finish_job_v1(id, %(status)s, %(delete_job)s) FROM procrastinate_jobs
WHERE id = %(job_id)s AND worker_id = %(worker_id)s AND status = 'doing'
"""
TRY_LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('imagesvc rescue'))"


class _Manager(JobManager):
    """Lets a worker end only the rows that are still its own.

    One that was stopped for a while would end those that another worker has been given.
    """

    async def finish_job(self, job: Job, status: Status, delete_job: bool) -> None:
        """End a row, unless it was given to another worker."""
        await self.connector.execute_query_async(
            _FINISH,
            job_id=job.id,
            worker_id=job.worker_id,
            status=status.value,
            delete_job=delete_job,
        )


class Engine:
    """One worker's connections to the queue.

    Args:
        options: of the connections, as psycopg has them.
        run: runs the job with an id.
        concurrency: jobs at once.
        lease: seconds without a sign of life after which a worker's jobs are given to others.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        run: Callable[[str], Awaitable[None]],
        concurrency: int,
        lease: float,
    ) -> None:
        # Its messages repeat ours, and those of an outage come with tracebacks.
        logging.getLogger("procrastinate").setLevel(logging.CRITICAL)
        for name in ("psycopg", "psycopg.pool"):  # also of what a stop cuts short
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._sockets = Sockets()
        self._connector = PsycopgConnector(
            kwargs=dict(options), min_size=1, max_size=CONNECTIONS, timeout=CONNECT_SECONDS,
            configure=self._prepare,
        )  # fmt: skip
        self._app = App(connector=self._connector)
        self._app.job_manager = _Manager(self._connector)
        self._concurrency = concurrency
        self._lease = lease
        self._worker: Worker | None = None

        @self._app.task(name=TASK, queue=QUEUE, pass_context=True)
        async def _job(_context: JobContext, job_id: str) -> None:
            await run(job_id)

    @property
    def beat_seconds(self) -> float:
        """The time between two signs of life."""
        return self._lease / BEATS

    async def open(self) -> None:
        """Connect."""
        await self._app.open_async()

    async def close(self) -> None:
        """Close the connections."""
        await self._app.close_async()

    async def run(self) -> None:
        """Run jobs until it is cancelled, or cannot give signs of life.

        It ends after the last job that it runs.
        """
        self._worker = Worker(
            self._app,
            queues=[QUEUE],
            concurrency=self._concurrency,
            install_signal_handlers=False,
            delete_jobs="always",
            fetch_job_polling_interval=POLL_SECONDS,
            abort_job_polling_interval=POLL_SECONDS,
            update_heartbeat_interval=self.beat_seconds,
            stalled_worker_timeout=self._lease,
        )
        await self._worker.run()  # type: ignore[no-untyped-call]  # it lacks annotations

    def restart(self) -> None:
        """Let `run` end when the jobs that are running have ended.

        The engine watches neither its signs of life nor its notifications when it has no periodic
        tasks: after an outage, both have ended, and it would go on without them.
        """
        if self._worker is not None:
            self._worker.stop()  # type: ignore[no-untyped-call]  # it lacks annotations

    async def rescue(self) -> int:
        """Give a sign of life, and have the jobs of workers without one run again.

        If PostgreSQL is silent, all connections are broken: others wait for it, too.

        Returns:
            The number of these jobs.
        """
        loop = asyncio.get_running_loop()
        breaking = loop.call_later(SILENT_SECONDS, self._sockets.shut_down)
        try:
            return await self._rescue()
        finally:
            breaking.cancel()

    async def _rescue(self) -> int:
        # The worker itself gives none while it waits for its last jobs.
        if self._worker is not None and self._worker.worker_id is not None:
            await self._app.job_manager.update_heartbeat(self._worker.worker_id)
        async with self._connector.pool.connection() as connection:
            cursor = await connection.execute(TRY_LOCK)
            row = await cursor.fetchone()
            if row is None or not row[0]:  # another worker does this now
                return 0
            stalled = await self._app.job_manager.get_stalled_jobs(
                queue=QUEUE, seconds_since_heartbeat=self._lease
            )
            found = list(stalled)
            for job in found:
                await self._app.job_manager.retry_job(job)
        return len(found)

    async def _prepare(self, connection: psycopg.AsyncConnection[Any]) -> None:
        """Let PostgreSQL end a transaction that hangs, such as one before which rescues wait."""
        self._sockets.added(connection)
        await connection.execute(IDLE_LIMIT)
        await connection.commit()
