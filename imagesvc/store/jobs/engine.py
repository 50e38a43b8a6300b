"""Rows of procrastinate, from which workers learn of due jobs; only PostgreSQL has them.

They are written in the transaction that changes the job, so that there is one exactly if the job
is pending or processing. The table `jobs` stays the truth: such a row has a job's id, a priority
and a time. Its lock is the job's id, so that two rows of one job are not run at once.

Source: https://procrastinate.readthedocs.io/en/stable/howto/production/migrations.html for the
versions of procrastinate's functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, text

from imagesvc.model.ids import JobId
from imagesvc.store.db.schema.columns import Instant

QUEUE = "imagesvc"
TASK = "imagesvc.job"
MOST = 1000
"""Lost jobs that are announced in one transaction."""

# Without it, each look for a job with another one of the same lock would read them all.
TABLE_INDEX = "CREATE INDEX job_engine_locks ON procrastinate_jobs (lock)"

# Priorities first, then the owners' first jobs, their second ones, and so on. The count ends at
# 256: a longer backlog is in the order of its age.
_DEFER = text("""
SELECT procrastinate_defer_jobs_v1(array_agg(
  ROW('imagesvc', 'imagesvc.job', -1000 * job.lane - ahead.jobs, job.id::text, NULL,
    jsonb_build_object('job_id', job.id),
    CASE WHEN job.due_at > :now THEN to_timestamp(job.due_at / 1e6) END
  )::procrastinate_job_to_defer_v1 ORDER BY job.id))
FROM jobs AS job CROSS JOIN LATERAL (SELECT count(*)::int AS jobs FROM (
  (SELECT 1 FROM jobs AS other WHERE coalesce(other.status, other.status) = 'pending'
     AND other.owner_id = job.owner_id AND other.lane = job.lane LIMIT 256)
  UNION ALL
  (SELECT 1 FROM jobs AS other WHERE coalesce(other.status, other.status) = 'pending'
     AND job.owner_id IS NULL AND other.owner_id IS NULL AND other.lane = job.lane LIMIT 256)
) AS pending) AS ahead
WHERE job.id = ANY(CAST(:ids AS uuid[]))
HAVING count(*) > 0
""").bindparams(bindparam("now", type_=Instant))

_CANCEL = text("""
SELECT procrastinate_cancel_job_v1(id, :aborts, true) FROM procrastinate_jobs
WHERE lock = ANY(CAST(:ids AS text[])) AND status IN ('todo', 'doing')
""")

_LOST = text("""
SELECT id FROM jobs AS job WHERE status IN ('pending', 'processing') AND NOT EXISTS (
  SELECT 1 FROM procrastinate_jobs WHERE lock = job.id::text AND status IN ('todo', 'doing')
) ORDER BY id LIMIT :most
""")

_LIVING = text("""
SELECT count(*) FROM procrastinate_workers
WHERE last_heartbeat > now() - make_interval(secs => :seconds)
""")

_REMOVE_ENDED = text("DELETE FROM procrastinate_jobs WHERE status NOT IN ('todo', 'doing')")


def count_workers(connection: Connection, seconds: float) -> int:
    """How many workers have given a sign of life in this time."""
    return int(connection.execute(_LIVING, {"seconds": seconds}).scalar_one())


def announce(connection: Connection, job_ids: Sequence[JobId], now: datetime) -> None:
    """Have workers run pending jobs when they are due; the runner of SQLite looks itself."""
    if job_ids and _is_shared(connection):
        connection.execute(_DEFER, {"ids": [str(job_id) for job_id in job_ids], "now": now})


def withdraw(connection: Connection, job_ids: Sequence[JobId], *, aborts: bool) -> None:
    """Have workers no longer run jobs; `aborts` also stops the attempts that are running."""
    if job_ids and _is_shared(connection):
        connection.execute(_CANCEL, {"ids": [str(job_id) for job_id in job_ids], "aborts": aborts})


def lost_jobs(connection: Connection) -> list[JobId]:
    """Some of the jobs that have not ended, and of which no worker will learn."""
    return [JobId(job_id) for job_id in connection.scalars(_LOST, {"most": MOST})]


def announce_lost(connection: Connection, now: datetime) -> int:
    """Announce those; returns their number."""
    found = lost_jobs(connection)
    announce(connection, found, now)
    return len(found)


def remove_ended(connection: Connection) -> None:
    """Remove the rows that workers have done with and that are left."""
    connection.execute(_REMOVE_ENDED)


def _is_shared(connection: Connection) -> bool:
    return connection.dialect.name == "postgresql"
