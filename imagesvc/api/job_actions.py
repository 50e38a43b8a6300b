"""Many jobs at once: how many there are of each status, and queueing them again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from starlette.responses import Response

from imagesvc.api.failures import ItemProblem, problems_of
from imagesvc.auth.permissions import check_is_own_job, check_may_list
from imagesvc.auth.principals import Principal, Scope
from imagesvc.errors import Forbidden, ImagesvcError, UnsupportedMediaType
from imagesvc.http.bodies.json_bodies import Json
from imagesvc.http.calls import Call
from imagesvc.http.models import Model, Query, Sent
from imagesvc.http.operations import operation
from imagesvc.http.requests import Id, json_response
from imagesvc.jobs.runner import Runner
from imagesvc.model.ids import JobId, UserId, parse_id, utc_now
from imagesvc.model.jobs import Status
from imagesvc.store.jobs.jobs import JobStore

TAG = "jobs"
BATCH = 100
"""Jobs of one transaction."""


class SummaryQuery(Query):
    """Whose jobs."""

    owner: Id | None = None
    """The requester's own id; an admin may give any."""


class JobCounts(Model):
    """How many jobs have each status."""

    pending: int
    processing: int
    succeeded: int
    failed: int
    cancelled: int


class JobsSummary(Model):
    """How many jobs there are, and how long they wait."""

    counts: JobCounts
    oldest_pending_seconds: float | None
    """How long the job that has waited longest is due; null if none is pending."""


class RetryIn(Sent, title="RetryRequest"):
    """The jobs to queue again: either `ids`, or all with a status."""

    ids: Annotated[list[str], Field(min_length=1, max_length=1_000)] | None = None
    status: Literal["failed", "cancelled"] | None = None
    owner: Id | None = None
    """With `status`: the requester's own id; an admin may give any."""

    @model_validator(mode="after")
    def _selects_once(self) -> Self:
        if (self.ids is None) == (self.status is None):
            raise ValueError("must have either ids or status")
        if self.owner is not None and self.status is None:
            raise ValueError("may have owner together with status only")
        return self


class RetryResults(Model):
    """How many jobs were queued again."""

    retried: int
    failed: int
    problems: list[ItemProblem]
    """Why, for those that were not."""


@dataclass(frozen=True, slots=True)
class JobActionEndpoints:
    """The operations on many jobs; the fields are their dependencies."""

    queue: JobStore
    runner: Runner
    clock: Callable[[], datetime] = utc_now

    @operation(
        "summarize_jobs", "GET", "/api/v1/jobs/summary", tag=TAG, scope=Scope.READ,
        query=SummaryQuery, answers={200: JobsSummary}, errors=(Forbidden,),
    )  # fmt: skip
    async def summary(self, call: Call[SummaryQuery, None]) -> Response:
        """How many jobs have each status, and how long the pending ones wait."""
        owner_id = _owner(call.query.owner, call.requester)
        found = await self.queue.summary(call.requester.viewer, owner_id)
        seconds = None
        if found.due_since is not None:
            seconds = max(0.0, (self.clock() - found.due_since).total_seconds())
        counts = JobCounts(**{str(status): found.counts.get(status, 0) for status in Status})
        return json_response(JobsSummary(counts=counts, oldest_pending_seconds=seconds))

    @operation(
        "retry_jobs", "POST", "/api/v1/jobs/actions/retry", tag=TAG, scope=Scope.MANAGE,
        body=Json(RetryIn), answers={200: RetryResults}, errors=(Forbidden, UnsupportedMediaType),
    )  # fmt: skip
    async def retry(self, call: Call[None, RetryIn]) -> Response:
        """Queue many jobs again, by id or by status, each as if it was retried alone.

        Without accounts, and for admins, a status selects the jobs of all users unless `owner` is
        given. Each job is queued once, although it may fail again meanwhile.
        """
        body, requester = call.body, call.requester
        if body.ids is not None:
            return await self._by_ids(list(dict.fromkeys(body.ids)), requester)
        owner_id, status = _owner(body.owner, requester), Status(body.status or Status.FAILED)
        count, errors = 0, dict[JobId, ImagesvcError]()
        last: JobId | None = None
        while ids := await self.queue.with_status(
            requester.viewer, owner_id, status, limit=BATCH, after=last
        ):
            refused = await self.runner.retry_several(ids)
            errors |= refused
            count += len(ids) - len(refused)
            last = ids[-1]
        return _answer(count, {str(job_id): error for job_id, error in errors.items()})

    async def _by_ids(self, names: list[str], requester: Principal) -> Response:
        known: dict[JobId, str] = {}
        errors: dict[str, ImagesvcError] = {}
        for name in names:
            try:
                job = await self.queue.get(JobId(parse_id(name)))
                check_is_own_job(requester, job)
                known[job.id] = name
            except ImagesvcError as error:
                errors[name] = error
        refused: dict[JobId, ImagesvcError] = {}
        ids = list(known)
        for start in range(0, len(ids), BATCH):
            refused |= await self.runner.retry_several(ids[start : start + BATCH])
        errors |= {known[job_id]: error for job_id, error in refused.items()}
        return _answer(len(known) - len(refused), errors)


def _owner(owner: Id | None, requester: Principal) -> UserId | None:
    check_may_list(requester, owner)
    return None if owner is None else UserId(owner)


def _answer(retried: int, errors: dict[str, ImagesvcError]) -> Response:
    shown = RetryResults(retried=retried, failed=len(errors), problems=problems_of(errors))
    return json_response(shown)
