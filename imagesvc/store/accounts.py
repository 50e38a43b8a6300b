"""Queries about users, and about their data when they are removed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import partial
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    Connection,
    Row,
    Table,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from imagesvc.errors import NO_SUCH_ID, Conflict, NotFound
from imagesvc.model.accounts import ApiKey, User
from imagesvc.model.ids import UserId
from imagesvc.store.db.database import Database
from imagesvc.store.db.pages import Page, newest, page_of
from imagesvc.store.db.schema.accounts import api_keys, logins, users
from imagesvc.store.db.schema.events import events
from imagesvc.store.db.schema.images import collections, images
from imagesvc.store.db.schema.jobs import jobs
from imagesvc.store.db.schema.requests import upload_slots
from imagesvc.store.db.schema.sessions import sessions
from imagesvc.store.events import EventType, record_image_event

MOVED_AT_ONCE = 1000
OWNING: tuple[Table, ...] = (images, collections, jobs, events)
"""The tables that outlive their owner; the rest is deleted with the user."""


class Kept(Enum):
    """A marker for unchanged fields, where None is a value."""

    KEPT = "kept"


KEPT: Final = Kept.KEPT


@dataclass(frozen=True, slots=True)
class UserChange:
    """New values of a user; `KEPT` leaves one unchanged."""

    name: str | Kept = KEPT
    password_hash: str | Kept = KEPT
    is_admin: bool | Kept = KEPT
    is_disabled: bool | Kept = KEPT
    quota_images: int | Kept | None = KEPT
    """None restores that of the settings."""
    quota_bytes: int | Kept | None = KEPT

    @property
    def values(self) -> dict[str, Any]:
        """The columns that change."""
        given = {name: getattr(self, name) for name in type(self).__slots__}
        return {name: value for name, value in given.items() if value is not KEPT}

    @property
    def ends_access(self) -> bool:
        """Whether logins end, or rights."""
        is_locked = self.is_disabled is True or self.is_admin is False
        return is_locked or self.password_hash is not KEPT


class UserStore:
    """The users of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, user: User) -> None:
        """Insert a user.

        Raises:
            Conflict: the name is taken.
        """
        await self._database.write(lambda connection: _insert_user(connection, user))

    async def add_first(self, user: User, key: ApiKey) -> bool:
        """Insert a user with an API key unless there is any user; whether they were inserted."""

        def work(connection: Connection) -> bool:
            if connection.scalar(select(exists().where(users.c.id.is_not(None)))):
                return False
            _insert_user(connection, user)
            insert_key(connection, key)
            return True

        return await self._database.write(work)

    async def get(self, user_id: UserId) -> User:
        """The user with this id.

        Raises:
            NotFound: there is none.
        """
        row = await self._database.read(
            lambda connection: connection.execute(_BY_ID, {"id": user_id}).first()
        )
        return _found(row)

    async def named(self, name: str) -> User | None:
        """The user with this name."""
        row = await self._database.read(
            lambda connection: connection.execute(_BY_NAME, {"name": name}).first()
        )
        return None if row is None else user_of(row)

    async def first_admin(self) -> User | None:
        """The oldest admin who is not disabled."""
        row = await self._database.read(lambda connection: connection.execute(_ADMINS).first())
        return None if row is None else user_of(row)

    async def with_subject(self, subject: str) -> User | None:
        """The user of an identity provider's subject."""
        row = await self._database.read(
            lambda connection: connection.execute(_BY_SUBJECT, {"subject": subject}).first()
        )
        return None if row is None else user_of(row)

    async def page(self, *, limit: int, after: UUID | None) -> Page[User]:
        """Users, the newest first, older than `after`."""
        query = newest(select(users), users.c.id, limit=limit, after=after)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return page_of(rows, limit, user_of)

    async def change(self, user_id: UserId, change: UserChange) -> User:
        """Change a user; a new password, and disabling, end logins, sessions and upload URLs.

        Raises:
            NotFound: there is no such user.
            Conflict: the name is taken, or no admin would be left.
        """

        def work(connection: Connection) -> User:
            if change.is_admin is False or change.is_disabled is True:
                _check_admin_left(connection, user_id)
            if change.values:
                try:
                    connection.execute(
                        update(users).where(users.c.id == user_id).values(change.values)
                    )
                except IntegrityError as error:
                    raise Conflict("There is a user with this name.") from error
            if change.password_hash is not KEPT or change.is_disabled is True:
                end_logins(connection, user_id)
                connection.execute(delete(upload_slots).where(upload_slots.c.owner_id == user_id))
            return _found(connection.execute(_BY_ID, {"id": user_id}).first())

        return await self._database.write(work, may_use_reserve=change.ends_access)

    async def owns_anything(self, user_id: UserId) -> bool:
        """Whether images or collections would be left without their owner."""
        owned = [exists().where(table.c.owner_id == user_id) for table in (images, collections)]
        query = select(owned[0] | owned[1])
        return bool(await self._database.read(lambda connection: connection.scalar(query)))

    async def transfer(self, user_id: UserId, to: UserId | None, *, now: datetime) -> None:
        """Transfer all data of a user to another user, or to none, some rows at a time.

        Images and collections get a new version, and the new owner gets an event for each image.
        """
        for table in OWNING:
            moved = MOVED_AT_ONCE
            while moved == MOVED_AT_ONCE:
                moved = await self._database.write(
                    partial(_move, table=table, user_id=user_id, to=to, now=now)
                )

    async def remove(self, user_id: UserId) -> None:
        """Delete a user who owns nothing any more, with keys, logins and webhooks.

        Raises:
            NotFound: there is no such user.
            Conflict: something is owned still, or no admin would be left.
        """

        def work(connection: Connection) -> None:
            _check_admin_left(connection, user_id)
            try:
                gone = connection.execute(delete(users).where(users.c.id == user_id))
            except IntegrityError as error:
                raise Conflict("This user owns images or collections.") from error
            if not gone.rowcount:
                raise NotFound(NO_SUCH_ID)

        await self._database.write(work, may_use_reserve=True)


def _insert_user(connection: Connection, user: User) -> None:
    try:
        connection.execute(
            insert(users), [{column.name: getattr(user, column.name) for column in users.columns}]
        )
    except IntegrityError as error:
        raise Conflict("There is a user with this name.") from error


def insert_key(connection: Connection, key: ApiKey) -> None:
    """Insert an API key of an existing user."""
    values = {column.name: getattr(key, column.name) for column in api_keys.columns}
    connection.execute(insert(api_keys), [values])


def end_logins(connection: Connection, user_id: UserId) -> None:
    """Delete the logins and sessions of a user."""
    for table in (logins, sessions):
        connection.execute(delete(table).where(table.c.user_id == user_id))


def is_unchanged(connection: Connection, user: User) -> bool:
    """Whether a user may still log in by what was compared with this user's row."""
    query = select(users.c.password_hash, users.c.is_disabled).where(users.c.id == user.id)
    row = connection.execute(query).first()
    return row is not None and not row.is_disabled and row.password_hash == user.password_hash


def is_disabled(connection: Connection, user_id: UserId | None) -> bool:
    """Whether a user is disabled; what nobody owns has no such user."""
    query = select(users.c.is_disabled).where(users.c.id == user_id)
    return bool(connection.scalar(query))


def _check_admin_left(connection: Connection, without: UserId) -> None:
    """Raises `Conflict` when this is the last admin who can do anything."""
    is_active_admin = users.c.is_admin & ~users.c.is_disabled
    is_one = connection.scalar(select(is_active_admin).where(users.c.id == without))
    others = exists().where(is_active_admin & (users.c.id != without))
    if is_one and not connection.scalar(select(others)):
        raise Conflict("This is the last admin; make another one first.")


def _move(
    connection: Connection, *, table: Table, user_id: UserId, to: UserId | None, now: datetime
) -> int:
    chosen = select(table.c.id).where(table.c.owner_id == user_id).limit(MOVED_AT_ONCE)
    ids = list(connection.scalars(chosen))
    values: dict[str, Any] = {"owner_id": to}
    if "version" in table.c:
        values |= {"version": table.c.version + 1, "updated_at": now}
    connection.execute(update(table).where(table.c.id.in_(ids)).values(values))
    if table is images and ids:
        for image_id in ids:
            record_image_event(connection, EventType.IMAGE_UPDATED, image_id, to, now)
        size = connection.scalar(select(func.sum(images.c.bytes)).where(images.c.id.in_(ids)))
        _count(connection, user_id, -len(ids), -size)
        _count(connection, to, len(ids), size)
    return len(ids)


def _count(connection: Connection, user_id: UserId | None, images: int, size: int) -> None:
    more = {"image_count": users.c.image_count + images, "image_bytes": users.c.image_bytes + size}
    connection.execute(update(users).where(users.c.id == user_id).values(more))


def _found(row: Row[Any] | None) -> User:
    if row is None:
        raise NotFound(NO_SUCH_ID)
    return user_of(row)


def user_of(row: Row[Any]) -> User:
    """The user in a row of `users`, or of a join with it."""
    return User(
        id=UserId(row.id),
        name=row.name,
        password_hash=row.password_hash,
        is_admin=row.is_admin,
        is_disabled=row.is_disabled,
        created_at=row.created_at,
        image_count=row.image_count,
        image_bytes=row.image_bytes,
        quota_images=row.quota_images,
        quota_bytes=row.quota_bytes,
        subject=row.subject,
    )


_BY_ID = select(users).where(users.c.id == bindparam("id"))
_BY_NAME = select(users).where(users.c.name == bindparam("name"))
_ADMINS = select(users).where(users.c.is_admin & ~users.c.is_disabled).order_by(users.c.id)
_BY_SUBJECT = select(users).where(users.c.subject == bindparam("subject"))
