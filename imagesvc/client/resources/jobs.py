"""Jobs: reading, listing, repeating and cancelling them, and waiting for one."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Literal

import httpx2

from ..calls import API, Call, model
from ..flows import Flow, answered, waited
from ..grids import JobsSummary, RetryResults
from ..methods import listing, method
from ..models import Job, Page
from ..parameters import Id


class Jobs:
    """The methods of jobs."""

    @method
    def wait(self, job_id: Id, *, timeout: float = 60.0) -> Flow[Job]:
        """Wait until a job has succeeded.

        Raises:
            JobFailed: it has failed or was cancelled.
            NotInTime: it has not ended after `timeout` seconds.
        """
        return waited(_job(job_id), timeout, time.monotonic)

    @method
    def job(self, job_id: Id) -> Flow[Job]:
        """One job."""
        return answered(_job(job_id))

    @method
    def retry_job(self, job_id: Id) -> Flow[Job]:
        """Queue a job again that has not succeeded; a running job is restarted."""
        return answered(Call("POST", f"{API}/jobs/{job_id}/retry", model(Job)))

    @method
    def retry_jobs(
        self,
        job_ids: Sequence[Id] | None = None,
        *,
        status: Literal["failed", "cancelled"] | None = None,
        owner: Id | None = None,
    ) -> Flow[RetryResults]:
        """Queue up to 1,000 jobs again, or else all with a status."""
        ids = None if job_ids is None else [str(job_id) for job_id in job_ids]
        asked = {"ids": ids, "status": status, "owner": None if owner is None else str(owner)}
        body = {name: value for name, value in asked.items() if value is not None}
        return answered(Call("POST", f"{API}/jobs/actions/retry", model(RetryResults), json=body))

    @method
    def jobs_summary(self, *, owner: Id | None = None) -> Flow[JobsSummary]:
        """How many jobs have each status, and how long the pending ones wait."""
        query = {"owner": owner}
        return answered(Call("GET", f"{API}/jobs/summary", model(JobsSummary), query=query))

    @method
    def delete_job(self, job_id: Id) -> Flow[Job | None]:
        """Cancel a job that has not ended, and return it; delete one that has ended."""
        call = Call("DELETE", f"{API}/jobs/{job_id}", _job_or_nothing, is_repeatable=False)
        return answered(call)

    @listing
    def jobs(self, /, **query: Any) -> Call[Page[Job]]:
        """Every job, the newest first."""
        return Call("GET", f"{API}/jobs", model(Page[Job]), query=query)


def _job(job_id: Id) -> Call[Job]:
    return Call("GET", f"{API}/jobs/{job_id}", model(Job))


def _job_or_nothing(answer: httpx2.Response) -> Job | None:
    return Job.model_validate_json(answer.content) if answer.content else None
