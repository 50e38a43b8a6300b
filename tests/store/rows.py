"""Initial rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert

from imagesvc.model.formats import Format
from imagesvc.model.ids import CollectionId, Digest, ImageId, JobId, UserId, new_id
from imagesvc.model.images import Collection, Image, Original, Visibility
from imagesvc.model.jobs import Job, Operation, Priority, Status
from imagesvc.store.db.database import Database
from imagesvc.store.db.schema.accounts import users
from imagesvc.store.db.schema.columns import EPOCH

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def image_and_job(**given: Any) -> tuple[Image, Job]:
    """An image that was just uploaded, and its job."""
    image_id, job_id = ImageId(new_id()), JobId(new_id())
    digest = Digest(image_id.hex * 2)
    values: dict[str, Any] = {
        "id": image_id, "original": Original(digest, Format.JPEG, 4, 3, 1, False, 36), "bytes": 9,
        "filename": "a.jpg", "title": "a", "description": "", "tags": (),
        "visibility": Visibility.PUBLIC, "status": Status.PENDING, "exif": {},
        "created_at": NOON, "updated_at": NOON, "job_id": job_id,
    }  # fmt: skip
    image = Image(**values | given)
    return image, job_of(image, id=job_id)


def job_of(image: Image, **given: Any) -> Job:
    """A job of an image with one operation."""
    values: dict[str, Any] = {
        "id": JobId(new_id()), "image_id": image.id, "priority": Priority.UPLOAD,
        "status": Status.PENDING, "attempts": 0,
        "operations": (Operation(0, "thumbnail", "w=256"),),
        "error_code": None, "error_detail": None, "due_at": NOON, "created_at": NOON,
        "started_at": None, "finished_at": None, "owner_id": image.owner_id,
    }  # fmt: skip
    return Job(**values | given)


def collection(**given: Any) -> Collection:
    """A collection without images."""
    values: dict[str, Any] = {
        "id": CollectionId(new_id()), "title": "Summer", "description": "",
        "visibility": Visibility.PUBLIC, "created_at": NOON, "updated_at": NOON,
    }  # fmt: skip
    return Collection(**values | given)


async def add_user(database: Database, name: str) -> UserId:
    """A user who can own things."""
    user_id = UserId(new_id())
    row = {
        "id": user_id, "name": name, "is_admin": False, "is_disabled": False,
        "image_count": 0, "image_bytes": 0, "created_at": EPOCH,
    }  # fmt: skip
    await database.write(lambda connection: connection.execute(insert(users), [row]))
    return user_id
