"""How an attempt of a job ended, and whether there is another one: decisions without a queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from imagesvc.errors import ImagesvcError
from imagesvc.jobs.retry import backoff, is_worth_retrying, space_delay, waits_for_storage
from imagesvc.model.images import Variant
from imagesvc.model.jobs import Job, Operation, Status
from imagesvc.store.jobs.settling import Settlement


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt of a job: its operations, and the result of each."""

    job: Job
    todo: Sequence[Operation]
    outcomes: Sequence[Variant | ImagesvcError]
    failure: ImagesvcError | None
    """Of all of it, even with nothing to make."""

    def settlement(self, now: datetime, max_attempts: int, first_delay: timedelta) -> Settlement:
        """The data of the attempt to record.

        Args:
            now: when it ended.
            max_attempts: of a job; waiting for space, a bucket or the database does not count.
            first_delay: the time between the first attempt and the second.
        """
        errors = self._errors()
        waits = waits_for_storage(errors)
        has_attempts = self.job.attempts < max_attempts
        goes_on = waits or (has_attempts and any(map(is_worth_retrying, errors)))
        done = self._done(goes_on=goes_on)
        code, detail = self._first_error(done)
        due_at = now
        if goes_on:
            due_at += space_delay(first_delay) if waits else backoff(self.job.attempts, first_delay)
        return Settlement(
            job_id=self.job.id,
            status=_status(code, goes_on=goes_on),
            operations=tuple(done.values()),
            variants=tuple(it for it in self.outcomes if isinstance(it, Variant)),
            due_at=due_at,
            is_counted=not waits,
            error_code=code,
            error_detail=detail,
        )

    def _errors(self) -> list[ImagesvcError]:
        errors = [outcome for outcome in self.outcomes if isinstance(outcome, ImagesvcError)]
        return errors if self.failure is None else [*errors, self.failure]

    def _done(self, *, goes_on: bool) -> dict[int, Operation]:
        """The operations after the attempt, by position."""
        return {
            operation.position: _ended_operation(operation, outcome, goes_on=goes_on)
            for operation, outcome in zip(self.todo, self.outcomes, strict=True)
        }

    def _first_error(self, done: dict[int, Operation]) -> tuple[str | None, str | None]:
        """The error of the job: that of its first operation without a variant."""
        operations = [done.get(item.position, item) for item in self.job.operations]
        for item in operations:
            if item.error_code is not None:
                return item.error_code, item.error_detail
        return (None, None) if self.failure is None else (self.failure.code, self.failure.detail)


def _status(error_code: str | None, *, goes_on: bool) -> Status:
    if goes_on:
        return Status.PENDING
    return Status.SUCCEEDED if error_code is None else Status.FAILED


def _ended_operation(
    operation: Operation, outcome: Variant | ImagesvcError, *, goes_on: bool
) -> Operation:
    """An operation after an attempt of its job; it is settled unless it is to be tried again."""
    if isinstance(outcome, Variant):
        return replace(operation, status=Status.SUCCEEDED, error_code=None, error_detail=None)
    is_tried_again = goes_on and is_worth_retrying(outcome)
    status = Status.PENDING if is_tried_again else Status.FAILED
    return replace(operation, status=status, error_code=outcome.code, error_detail=outcome.detail)
