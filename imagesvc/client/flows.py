"""Flows of several requests: retries, waiting, pages. Generators that do no I/O.

A flow yields the next step, a call or a pause in seconds, and is sent the result of a call: a
response, or a transport error. `Client` and `AsyncClient` differ in how they run the steps.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import httpx2

from .calls import Call
from .errors import ImagesvcError, Unavailable
from .models import Job, Page
from .problems import described

T = TypeVar("T")
ATTEMPTS = 4
FIRST_PAUSE = 0.25
LONGEST_PAUSE = 5.0
LONGEST_RETRY_AFTER = 30.0
PROBLEM = "application/problem+json"
OUTAGES = frozenset(
    {httpx2.codes.BAD_GATEWAY, httpx2.codes.SERVICE_UNAVAILABLE, httpx2.codes.GATEWAY_TIMEOUT}
)
"""Statuses of the service, or of a proxy before it, that pass."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Seconds to wait."""

    seconds: float


Came = httpx2.Response | httpx2.TransportError | None
Flow = Generator[Call[Any] | Pause, Came, T]


class JobFailed(ImagesvcError):
    """A job that was waited for has failed or was cancelled."""

    def __init__(self, job: Job) -> None:
        detail = job.error.detail if job.error else f"The job {job.id} is {job.status}."
        super().__init__(detail)
        self.job = job

    def __reduce__(self) -> tuple[type[JobFailed], tuple[Job]]:
        return type(self), (self.job,)


class NotInTime(ImagesvcError):
    """A job has not ended within the time-out of the caller."""


def answered(call: Call[T]) -> Flow[T]:
    """A call with its retries.

    Raises:
        ImagesvcError: the service refused it; the code determines the class. httpx2.TransportError:
        the service cannot be reached.
    """
    for attempt in range(1, ATTEMPTS + 1):
        came = yield call
        is_last = attempt == ATTEMPTS
        if isinstance(came, httpx2.Response):
            if came.is_success:
                return call.read(came)
            if is_last or not _passes(came, call):
                raise error_of(came)
            yield Pause(min(_seconds(came, _growing(attempt)), LONGEST_RETRY_AFTER))
        elif came is not None:
            if is_last or not (call.is_repeatable or isinstance(came, httpx2.ConnectError)):
                raise came
            yield Pause(_growing(attempt))
    raise AssertionError("the last attempt returns or raises")


def waited(call: Call[Job], seconds: float, clock: Callable[[], float]) -> Flow[Job]:
    """Poll a job with growing pauses until it has succeeded.

    Raises:
        JobFailed: it has failed or was cancelled.
        NotInTime: it has not ended after `seconds`.
    """
    deadline = clock() + seconds
    pause = FIRST_PAUSE / 4
    while True:
        job = yield from answered(call)
        if job.status == "succeeded":
            return job
        if job.status in {"failed", "cancelled"}:
            raise JobFailed(job)
        left = deadline - clock()
        if left <= 0:
            raise NotInTime(f"The job {job.id} is still {job.status}.")
        yield Pause(min(pause, left))
        pause = min(pause * 1.5, LONGEST_PAUSE)


def following(call: Call[Page[T]], page: Page[T]) -> Call[Page[T]] | None:
    """The call for the page after this one; None after the last."""
    if page.next_cursor is None:
        return None
    return replace(call, query={**call.query, "cursor": page.next_cursor})


def error_of(answer: httpx2.Response) -> ImagesvcError:
    """The error of a problem document (RFC 9457)."""
    try:
        problem: dict[str, Any] = answer.json()
        is_problem = {"code", "detail"} <= problem.keys()
    except (ValueError, AttributeError):
        is_problem = False
    if not is_problem:
        problem = {"detail": f"The answer is {answer.status_code} {answer.reason_phrase}."}
        if answer.status_code in OUTAGES:
            problem["code"] = Unavailable.code
    size = answer.headers.get("content-range", "").rpartition("/")[2]
    return described(
        problem, retry_after=int(_seconds(answer)), size=int(size) if _is_count(size) else 0
    )


def _passes(answer: httpx2.Response, call: Call[Any]) -> bool:
    """Whether the same request may succeed later: the service says so, or a proxy lacks it."""
    if answer.headers.get("content-type") == PROBLEM or not call.is_repeatable:
        busy = answer.status_code == httpx2.codes.SERVICE_UNAVAILABLE
        return busy and "retry-after" in answer.headers
    return answer.status_code in OUTAGES


def _growing(attempt: int) -> float:
    """Seconds before the next attempt."""
    jitter = random.uniform(0.5, 1)  # noqa: S311  # no secret
    return jitter * FIRST_PAUSE * (1 << attempt)


def _seconds(answer: httpx2.Response, otherwise: float = 1.0) -> float:
    text = answer.headers.get("retry-after", "")
    return float(text) if _is_count(text) else otherwise


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit()
