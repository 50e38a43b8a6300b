"""Jobs, their operations, and the priorities of work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

from imagesvc.model.ids import ImageId, JobId, UserId


class Status(StrEnum):
    """The status of an image, a job or one of its operations."""

    PENDING = "pending"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_final(self) -> bool:
        """Whether the status is final unless a request changes it."""
        return self in {Status.SUCCEEDED, Status.FAILED, Status.CANCELLED}


class Priority(IntEnum):
    """The class of a piece of work; lower values are done first."""

    INTERACTIVE = 0  # a request waits for these bytes
    UPLOAD = 1  # the job of an upload
    BACKFILL = 2  # work without a waiting client


@dataclass(frozen=True, slots=True)
class Operation:
    """One variant that a job makes, with its result."""

    position: int
    name: str | None  # the preset by which it was requested, if any
    transform: str  # canonical text
    status: Status = Status.PENDING
    error_code: str | None = None
    error_detail: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """The durable request to make some variants of one image."""

    id: JobId
    image_id: ImageId
    priority: Priority
    status: Status
    attempts: int
    operations: tuple[Operation, ...]
    error_code: str | None
    error_detail: str | None
    due_at: datetime
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    owner_id: UserId | None = None
