"""New jobs: some variants of one image, to be made when it is their turn."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from imagesvc.imaging.transforms.transform import canonical
from imagesvc.model.ids import ImageId, JobId, UserId, new_id
from imagesvc.model.jobs import Job, Operation, Priority, Status
from imagesvc.model.transforms import Transform

NamedTransform = tuple[str | None, Transform]
"""A transform, and the preset by which it was requested, if any."""


def new_job(
    image_id: ImageId,
    owner_id: UserId | None,
    wanted: Iterable[NamedTransform],
    *,
    priority: Priority,
    now: datetime,
) -> Job:
    """A job that is due now; `owner_id` is the image's."""
    return Job(
        id=JobId(new_id()),
        image_id=image_id,
        priority=priority,
        status=Status.PENDING,
        attempts=0,
        operations=tuple(
            Operation(position, name, canonical(transform))
            for position, (name, transform) in enumerate(wanted)
        ),
        error_code=None,
        error_detail=None,
        due_at=now,
        created_at=now,
        started_at=None,
        finished_at=None,
        owner_id=owner_id,
    )
