"""Jobs as JSON: list, show, retry, cancel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from imagesvc.api.http import (
    cursor_of,
    cursor_text,
    instant_of,
    invalid,
    json_response,
    limit_of,
    next_link,
    only_known,
)
from imagesvc.api.schemas import JobOut, Page
from imagesvc.errors import NotFound
from imagesvc.jobs.queue import JobQueue
from imagesvc.jobs.runner import Runner
from imagesvc.model import ImageId, JobId, Status, parse_id, utc_now
from imagesvc.store.jobs import JobFilter

FILTERS = {"status", "image", "created_from", "created_to"}


@dataclass(frozen=True, slots=True)
class JobEndpoints:
    """The routes about jobs; the fields are everything they may touch."""

    queue: JobQueue
    runner: Runner
    clock: Callable[[], datetime] = utc_now

    def routes(self) -> list[Route]:
        """The routes this module serves; `app.py` concatenates them."""
        return [
            Route("/api/v1/jobs", self.page, methods=["GET"]),
            Route("/api/v1/jobs/{job_id}", self.show, methods=["GET"]),
            Route("/api/v1/jobs/{job_id}", self.cancel, methods=["DELETE"]),
            Route("/api/v1/jobs/{job_id}/retry", self.retry, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        """Jobs, the newest first, by status, image and time of creation."""
        only_known(request, FILTERS | {"limit", "cursor"})
        after = cursor_of(request)
        found, last = await self.queue.page(
            _filter_of(request),
            limit=limit_of(request),
            after=None if after is None else JobId(after),
        )
        cursor = cursor_text(last)
        page = Page[JobOut](data=[JobOut.of(job) for job in found], next_cursor=cursor)
        return json_response(page, headers=next_link(request, cursor))

    async def show(self, request: Request) -> Response:
        """One job."""
        return json_response(JobOut.of(await self.queue.get(_id_of(request))))

    async def cancel(self, request: Request) -> Response:
        """End a job that has not ended; its worker is killed when it has one."""
        job = await self.queue.cancel(_id_of(request), now=self.clock())
        await self.runner.abandon(job.id)
        return json_response(JobOut.of(job))

    async def retry(self, request: Request) -> Response:
        """Queue a failed or cancelled job again."""
        job = await self.queue.retry(_id_of(request), now=self.clock())
        self.runner.notify()
        return json_response(JobOut.of(job), 202)


def _id_of(request: Request) -> JobId:
    return JobId(parse_id(request.path_params["job_id"]))


def _filter_of(request: Request) -> JobFilter:
    return JobFilter(
        status=_status_of(request),
        image_id=_image_of(request),
        created_from=instant_of(request, "created_from"),
        created_to=instant_of(request, "created_to"),
    )


def _status_of(request: Request) -> Status | None:
    text = request.query_params.get("status")
    if text is None:
        return None
    if text not in set(Status):
        raise invalid("status", f"must be one of {', '.join(Status)}")
    return Status(text)


def _image_of(request: Request) -> ImageId | None:
    text = request.query_params.get("image")
    if text is None:
        return None
    try:
        return ImageId(parse_id(text))
    except NotFound as error:
        raise invalid("image", "must be the id of an image") from error
