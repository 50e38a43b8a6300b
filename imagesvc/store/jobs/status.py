"""The status of an image, which follows its newest job."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, bindparam, select, update

from imagesvc.model.jobs import Status
from imagesvc.store.db.schema.images import images
from imagesvc.store.db.schema.jobs import jobs
from imagesvc.store.events import record_job_events

_SET_IMAGE_STATUS = (
    update(images)
    .where(
        images.c.id.in_(
            select(jobs.c.image_id).where(jobs.c.id.in_(bindparam("ids", expanding=True)))
        ),
        images.c.job_id.in_(bindparam("ids", expanding=True)),
    )
    .values(
        status=bindparam("status"),
        updated_at=bindparam("updated_at"),
        completed_at=bindparam("completed_at"),
    )
)


def set_image_status(
    connection: Connection, job_ids: list[UUID], status: Status, now: datetime
) -> None:
    """Images show the status of their newest job; that of older ones does not count.

    Every change of a job's status ends here, together with its event.
    """
    if not job_ids:
        return
    connection.execute(
        _SET_IMAGE_STATUS,
        {
            "ids": job_ids,
            "status": status,
            "updated_at": now,
            "completed_at": now if status is Status.SUCCEEDED else None,
        },
    )
    record_job_events(connection, job_ids, now)
