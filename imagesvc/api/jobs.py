"""Jobs as JSON: list, show, retry, cancel, delete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response

from imagesvc.api.schemas import JobOut, PresetPlaces
from imagesvc.auth.permissions import check_is_own_job, check_may_list
from imagesvc.auth.principals import Principal, Scope
from imagesvc.errors import Conflict, Forbidden, NotFound
from imagesvc.http.calls import Call, Context
from imagesvc.http.operations import operation, with_subject
from imagesvc.http.pages import Page, PageQuery, cursor_text, page_of, page_response
from imagesvc.http.requests import Id, Instant, json_response
from imagesvc.jobs.runner import Runner
from imagesvc.model.ids import ImageId, JobId, UserId, utc_now
from imagesvc.model.jobs import Job, Status
from imagesvc.store.jobs.jobs import JobStore
from imagesvc.store.jobs.listing import JobFilter

TAG = "jobs"
EVERY = "/api/v1/jobs"
ONE = f"{EVERY}/{{job_id}}"


class JobQuery(PageQuery):
    """The jobs to list."""

    status: Status | None = None
    image: Id | None = None
    owner: Id | None = None
    """The requester's own id; an admin may give any."""
    created_from: Instant | None = None
    created_to: Instant | None = None


@dataclass(frozen=True, slots=True)
class JobEndpoints:
    """The operations on jobs; the fields are their dependencies."""

    queue: JobStore
    runner: Runner
    presets: PresetPlaces
    clock: Callable[[], datetime] = utc_now

    def _shown(self, context: Context, job: Job) -> JobOut:
        return JobOut.of(job, self.presets, base=context.base)

    async def _own(self, context: Context) -> Job:
        job = await self.queue.get(JobId(context.id("job_id")))
        check_is_own_job(context.requester, job)
        return job

    @operation(
        "list_jobs", "GET", EVERY, tag=TAG, scope=Scope.READ, query=JobQuery,
        answers={200: page_of(Page[JobOut])}, errors=(Forbidden,),
    )  # fmt: skip
    async def page(self, call: Call[JobQuery, None]) -> Response:
        """Jobs, the newest first, by status, image, owner and time of creation."""
        query = call.query
        wanted = _filter_of(query, call.requester)
        found, last = await self.queue.page(wanted, limit=query.limit, after=query.cursor)
        shown = (self._shown(call, job) for job in found)
        return page_response(call, Page[JobOut], shown, cursor_text(last))

    @operation(
        "get_job", "GET", ONE, tag=TAG, scope=Scope.READ,
        answers={200: JobOut}, errors=(NotFound,),
    )  # fmt: skip
    @with_subject(_own)
    async def show(self, call: Call[None, None], job: Job) -> Response:
        """One job with its operations."""
        return json_response(self._shown(call, job))

    @operation(
        "cancel_job", "DELETE", ONE, tag=TAG, scope=Scope.MANAGE,
        answers={200: JobOut, 204: None}, errors=(NotFound, Conflict),
    )  # fmt: skip
    @with_subject(_own)
    async def cancel(self, call: Call[None, None], job: Job) -> Response:
        """Cancel a job that has not ended (200), or delete one that has ended (204).

        If the job is running, its worker is killed. The variants that it has made stay.
        """
        if job.status.is_final:
            await self.queue.remove(job.id)
            return Response(status_code=204)
        job = await self.queue.cancel(job.id, now=self.clock())
        await self.runner.abandon(job.id)
        return json_response(self._shown(call, job))

    @operation(
        "retry_job", "POST", f"{ONE}/retry", tag=TAG, scope=Scope.MANAGE,
        answers={202: JobOut}, errors=(NotFound, Conflict),
    )  # fmt: skip
    @with_subject(_own)
    async def retry(self, call: Call[None, None], job: Job) -> Response:
        """Queue a job again that has not succeeded.

        It gets all its attempts again and makes the missing variants. A running attempt is stopped;
        a job that waits for its next attempt is due now.
        """
        return json_response(self._shown(call, await self.runner.retry(job.id)), 202)


def _filter_of(query: JobQuery, requester: Principal) -> JobFilter:
    check_may_list(requester, query.owner)
    return JobFilter(
        viewer=requester.viewer,
        owner_id=None if query.owner is None else UserId(query.owner),
        status=query.status,
        image_id=None if query.image is None else ImageId(query.image),
        created_from=query.created_from,
        created_to=query.created_to,
    )
