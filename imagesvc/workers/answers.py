"""The answer of a worker to a call, which is not trusted: its result, or the error it reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import structlog

from imagesvc.errors import ImagesvcError, WorkerDied
from imagesvc.imaging import replies
from imagesvc.imaging.calls import Answer, Call
from imagesvc.workers.process import Reply

T = TypeVar("T")

log = structlog.get_logger()

MAX_TRACEBACK = 8192


@dataclass(frozen=True, slots=True)
class Failure:
    """An error that a worker reports, as an ordinary answer."""

    error: ImagesvcError


def read_answer(call: Call[T], reply: Reply) -> T | Failure:
    """The result of a call.

    Raises:
        WorkerDied: it is invalid: the worker must not be used again.
    """
    plain = reply.plain
    try:
        if "error" in plain:
            return Failure(replies.error(plain["error"]))
        if "bug" in plain:
            said = str(plain["bug"])[-MAX_TRACEBACK:]
            log.error("bug in a worker", action="worker.bug", traceback=said)
            return Failure(ImagesvcError("An internal error stopped this work."))
        return call.unpack(plain["value"], Answer(reply.body, reply.files))
    except (LookupError, TypeError, ValueError) as garbled:
        raise WorkerDied("A worker process sent an invalid answer.") from garbled
