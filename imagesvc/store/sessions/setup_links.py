"""Queries about the set-up link, with which the first admin chooses a name and a password."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, exists, insert, select, update
from sqlalchemy.exc import IntegrityError

from imagesvc.errors import Conflict, SetupClosed
from imagesvc.model.accounts import Session, User
from imagesvc.store.accounts import end_logins, user_of
from imagesvc.store.db.database import Database
from imagesvc.store.db.schema.accounts import users
from imagesvc.store.db.schema.sessions import setup_links
from imagesvc.store.sessions.sessions import insert_session


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the first admin chose."""

    name: str
    password_hash: str


class SetupLinkStore:
    """The set-up link of one database; there is at most one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def replace(self, token_sha256: str, expires_at: datetime) -> None:
        """Store a new link instead of the last.

        Raises:
            SetupClosed: an admin has a password.
        """

        def work(connection: Connection) -> None:
            _check_open(connection)
            connection.execute(delete(setup_links))
            values = {"token_sha256": token_sha256, "expires_at": expires_at}
            connection.execute(insert(setup_links), [values])

        await self._database.write(work, wakes=False)

    async def check(self, token_sha256: str, now: datetime) -> None:
        """Check that a link can be used.

        Raises:
            SetupClosed: it was used, was replaced or has expired, or an admin has a password.
        """

        def work(connection: Connection) -> None:
            _check_open(connection)
            if not connection.scalar(select(exists().where(_is_valid(token_sha256, now)))):
                raise _used()

        await self._database.read(work)

    async def is_open(self) -> bool:
        """Whether no admin has a password."""
        return not await self._database.read(_has_password)

    async def use(
        self, token_sha256: str, chosen: Chosen, session: Session, now: datetime
    ) -> tuple[User, Session]:
        """Give the first admin the name and the password, and begin the session of this admin.

        One transaction uses the link up: of two requests one succeeds.

        Raises:
            SetupClosed: as `check`.
            Conflict: another user has the name.
        """

        def work(connection: Connection) -> tuple[User, Session]:
            _check_open(connection)
            _use(connection, token_sha256, now)
            admin = _changed_admin(connection, chosen)
            end_logins(connection, admin.id)
            begun = replace(session, user_id=admin.id)
            insert_session(connection, begun)
            return admin, begun

        return await self._database.write(work, may_use_reserve=True, wakes=False)


def _check_open(connection: Connection) -> None:
    if _has_password(connection):
        raise SetupClosed("An admin has a password already, so there is no set-up any more.")


def _has_password(connection: Connection) -> bool:
    found = users.c.is_admin & ~users.c.is_disabled & users.c.password_hash.is_not(None)
    return bool(connection.scalar(select(exists().where(found))))


def _use(connection: Connection, token_sha256: str, now: datetime) -> None:
    if not connection.execute(delete(setup_links).where(_is_valid(token_sha256, now))).rowcount:
        raise _used()


def _is_valid(token_sha256: str, now: datetime) -> ColumnElement[bool]:
    return (setup_links.c.token_sha256 == token_sha256) & (setup_links.c.expires_at > now)


def _used() -> SetupClosed:
    return SetupClosed("The link was used or has expired; imagesvc setup-link prints another one.")


def _changed_admin(connection: Connection, chosen: Chosen) -> User:
    first = select(users.c.id).where(users.c.is_admin & ~users.c.is_disabled)
    admin_id = connection.scalar(first.order_by(users.c.id).limit(1))
    values = {"name": chosen.name, "password_hash": chosen.password_hash}
    try:
        connection.execute(update(users).where(users.c.id == admin_id).values(values))
    except IntegrityError as error:
        raise Conflict("There is a user with this name.") from error
    row = connection.execute(select(users).where(users.c.id == admin_id)).one()
    return user_of(row)
