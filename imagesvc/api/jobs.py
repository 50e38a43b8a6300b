"""Jobs as JSON: list, show, retry, cancel, delete."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from imagesvc.api.schemas import JobOut, PresetPlaces
from imagesvc.auth.authenticator import principal_of
from imagesvc.auth.permissions import check_is_own_job, check_may_list
from imagesvc.auth.principals import Principal, Scope
from imagesvc.errors import Conflict, Forbidden, NotFound
from imagesvc.http.operations import Operation
from imagesvc.http.pages import Page, PageQuery, cursor_text, page_response
from imagesvc.http.requests import Id, Instant, base_of, json_response, only_known, parsed_query
from imagesvc.jobs.runner import Runner
from imagesvc.model import ImageId, Job, JobId, Status, UserId, parse_id, utc_now
from imagesvc.store.jobs.jobs import JobStore
from imagesvc.store.jobs.listing import JobFilter

TAG = "jobs"


class JobQuery(PageQuery):
    """Which jobs to list."""

    status: Status | None = None
    image: Id | None = None
    owner: Id | None = None
    """One's own id; an admin may give any."""
    created_from: Instant | None = None
    created_to: Instant | None = None


@dataclass(frozen=True, slots=True)
class JobEndpoints:
    """The operations on jobs; the fields are everything they may touch."""

    queue: JobStore
    runner: Runner
    presets: PresetPlaces
    clock: Callable[[], datetime] = utc_now

    def operations(self) -> list[Operation]:
        """The operations this module serves; `app.py` concatenates them."""
        one = "/api/v1/jobs/{job_id}"
        return [
            Operation(
                "list_jobs", "GET", "/api/v1/jobs", self.page, {200: Page[JobOut]}, TAG,
                scope=Scope.READ, query=JobQuery, errors=(Forbidden,),
            ),
            Operation(
                "get_job", "GET", one, self.show, {200: JobOut}, TAG,
                scope=Scope.READ, errors=(NotFound,),
            ),
            Operation(
                "cancel_job", "DELETE", one, self.cancel, {200: JobOut, 204: None}, TAG,
                scope=Scope.MANAGE, errors=(NotFound, Conflict),
            ),
            Operation(
                "retry_job", "POST", f"{one}/retry", self.retry, {202: JobOut}, TAG,
                scope=Scope.MANAGE, errors=(NotFound, Conflict),
            ),
        ]  # fmt: skip

    async def page(self, request: Request) -> Response:
        """Jobs, the newest first, by status, image, owner and time of creation."""
        query = parsed_query(JobQuery, request)
        wanted = _filter_of(query, principal_of(request))
        found, last = await self.queue.page(wanted, limit=query.limit, after=query.cursor)
        shown = (self._shown(request, job) for job in found)
        return page_response(request, Page[JobOut], shown, cursor_text(last))

    async def show(self, request: Request) -> Response:
        """One job with its operations."""
        return json_response(self._shown(request, await self._own(request)))

    async def cancel(self, request: Request) -> Response:
        """Cancel a job that has not ended (200), or delete one that has ended (204).

        A cancelled job's worker is killed when it has one. What the job has made stays.
        """
        job = await self._own(request)
        if job.status.is_final:
            await self.queue.remove(job.id)
            return Response(status_code=204)
        job = await self.queue.cancel(job.id, now=self.clock())
        await self.runner.abandon(job.id)
        return json_response(self._shown(request, job))

    async def retry(self, request: Request) -> Response:
        """Queue a job again that has not succeeded.

        It starts afresh with all its attempts and makes what is missing. If it runs, its attempt is
        stopped; if it waits for its next attempt, it is due now.
        """
        job = await self.runner.retry((await self._own(request)).id)
        return json_response(self._shown(request, job), 202)

    def _shown(self, request: Request, job: Job) -> JobOut:
        return JobOut.of(job, self.presets, base=base_of(request))

    async def _own(self, request: Request) -> Job:
        only_known(request, set())
        job = await self.queue.get(JobId(parse_id(request.path_params["job_id"])))
        check_is_own_job(principal_of(request), job)
        return job


def _filter_of(query: JobQuery, asker: Principal) -> JobFilter:
    check_may_list(asker, query.owner)
    return JobFilter(
        audience=asker.audience,
        owner_id=None if query.owner is None else UserId(query.owner),
        status=query.status,
        image_id=None if query.image is None else ImageId(query.image),
        created_from=query.created_from,
        created_to=query.created_to,
    )
