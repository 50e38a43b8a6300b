"""Metrics of work: jobs, and calls in worker processes."""

from __future__ import annotations

from datetime import datetime

from imagesvc.api.metrics import Metric
from imagesvc.jobs.results import OUTCOMES, Results
from imagesvc.model.jobs import Status
from imagesvc.server.metrics.series import counter, counters, gauge, histogram
from imagesvc.service.engine.workers import Workers
from imagesvc.store.jobs.jobs import JobStore
from imagesvc.workers.usage import ENDS


async def job_metrics(jobs: JobStore, results: Results, now: datetime) -> list[Metric]:
    """The queue, and how attempts end."""
    counts = await jobs.count_open()
    oldest = await jobs.oldest_due_at(now)
    waits = 0.0 if oldest is None else (now - oldest).total_seconds()
    return [
        *(
            gauge("jobs", "Jobs that have not ended.", counts.get(status, 0), {"status": status})
            for status in (Status.PENDING, Status.PROCESSING)
        ),
        gauge("oldest_due_job_age_seconds", "How long the first of the queue has waited.", waits),
        *attempt_metrics(results),
    ]


def attempt_metrics(results: Results) -> list[Metric]:
    """How attempts in this process have ended."""
    known = OUTCOMES.values()
    return [
        *counters("job_attempts", "Attempts of jobs that ended.", "outcome", results.ended, known),
        histogram("job_attempt_seconds", "How long attempts of jobs took.", results.seconds),
    ]


def worker_metrics(workers: Workers, count: int) -> list[Metric]:
    """The use of workers, and how long work waits for them."""
    pool = workers.pool
    admission, usage = pool.admission, pool.usage
    return [
        gauge("workers", "Worker processes for renderings.", count),
        gauge("renders_running", "Calls in workers.", admission.running),
        gauge("renders_waiting", "Calls waiting for a worker.", admission.waiting),
        counter("worker_calls", "Calls made in workers.", pool.calls),
        counter("worker_busy_seconds", "Seconds that workers had calls.", usage.busy_seconds),
        gauge("worker_resident_bytes", "Memory after the last calls.", pool.resident_bytes),
        *counters("workers_ended", "Workers killed or replaced.", "reason", usage.ended, ENDS),
        gauge("workers_sandboxed", "1 if no layer is missing.", pool.sandbox.is_whole),
        *(
            histogram(
                "admission_wait_seconds",
                "How long work waited for a worker.",
                waits,
                {"priority": priority.name.lower()},
            )
            for priority, waits in admission.waits.items()
        ),
        *(
            histogram(
                "render_stage_seconds",
                "How long the stages of renderings took.",
                seconds,
                {"stage": stage},
            )
            for stage, seconds in workers.renderer.stages.items()
        ),
    ]
