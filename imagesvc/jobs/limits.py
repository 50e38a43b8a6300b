"""The limits of a runner of jobs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RunnerLimits:
    """Durations in seconds."""

    concurrency: int
    job_timeout: float
    max_attempts: int
    retry_delay: float
