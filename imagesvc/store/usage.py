"""The usage of owners, counted in the transactions that add and remove their images."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from imagesvc.errors import NO_SUCH_ID, NotFound, QuotaExceeded
from imagesvc.model.accounts import Quota, Usage
from imagesvc.model.ids import UserId
from imagesvc.store.db.schema.accounts import users

UNBOUNDED = 2**62

_max_images = func.coalesce(users.c.quota_images, bindparam("max_images"))
_max_bytes = func.coalesce(users.c.quota_bytes, bindparam("max_bytes"))
_CHARGE = (
    update(users)
    .where(
        users.c.id == bindparam("owner_id"),
        users.c.image_count < _max_images,
        users.c.image_bytes + bindparam("size") <= _max_bytes,
    )
    .values(
        image_count=users.c.image_count + 1, image_bytes=users.c.image_bytes + bindparam("size")
    )
    .returning(users.c.id)
)
_REFUND = (
    update(users)
    .where(users.c.id == bindparam("owner_id"))
    .values(
        image_count=users.c.image_count - 1, image_bytes=users.c.image_bytes - bindparam("size")
    )
)
_USAGE = select(
    users.c.image_count,
    users.c.image_bytes,
    _max_images.label("max_images"),
    _max_bytes.label("max_bytes"),
).where(users.c.id == bindparam("owner_id"))


def charge(connection: Connection, owner_id: UserId, size: int, quota: Quota) -> None:
    """Count an image of `size` bytes, if the owner may keep it.

    Args:
        connection: of the transaction that adds the image.
        owner_id: whose image it is.
        size: bytes of the original.
        quota: what holds where the user's row says nothing else.

    Raises:
        QuotaExceeded: the owner may not.
    """
    parameters = {"owner_id": owner_id, "size": size, **_bounds(quota)}
    if connection.execute(_CHARGE, parameters).first() is None:
        check_room(usage_of(connection, owner_id, quota), size)


def refund(connection: Connection, owner_id: UserId, size: int) -> None:
    """Count an image of `size` bytes no more."""
    connection.execute(_REFUND, {"owner_id": owner_id, "size": size})


def usage_of(connection: Connection, owner_id: UserId, quota: Quota) -> Usage:
    """The usage and the quota of an owner.

    Raises:
        NotFound: there is no such user.
    """
    row = connection.execute(_USAGE, {"owner_id": owner_id, **_bounds(quota)}).first()
    if row is None:
        raise NotFound(NO_SUCH_ID)
    allowed = Quota(_bound(row.max_images), _bound(row.max_bytes))
    return Usage(row.image_count, row.image_bytes, allowed)


def check_room(usage: Usage, size: int) -> None:
    """Check that another image of `size` bytes may be kept.

    Raises:
        QuotaExceeded: it may not.
    """
    allowed = usage.quota
    if allowed.images is not None and usage.images >= allowed.images:
        raise QuotaExceeded(f"The quota of {allowed.images:,} images is used up.")
    if allowed.bytes is not None and usage.bytes + size > allowed.bytes:
        left = max(0, allowed.bytes - usage.bytes)
        raise QuotaExceeded(f"{left:,} of the quota of {allowed.bytes:,} bytes are left.")


def _bounds(quota: Quota) -> dict[str, Any]:
    return {
        "max_images": UNBOUNDED if quota.images is None else quota.images,
        "max_bytes": UNBOUNDED if quota.bytes is None else quota.bytes,
    }


def _bound(value: int) -> int | None:
    return None if value == UNBOUNDED else value
