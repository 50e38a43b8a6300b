"""Queries about sessions of browsers, their users and their expiry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, bindparam, delete, insert, select, update

from imagesvc.errors import NO_SUCH_ID, NotFound
from imagesvc.model.accounts import Session, User
from imagesvc.model.ids import SessionId, UserId
from imagesvc.store.accounts import is_unchanged, user_of
from imagesvc.store.db.database import Database
from imagesvc.store.db.pages import Page, newest, page_of
from imagesvc.store.db.schema.accounts import users
from imagesvc.store.db.schema.sessions import sessions

MAX_OF_USER = 100
"""Sessions of one user; the next log-in ends the one that was opened first."""


@dataclass(frozen=True, slots=True)
class Valid:
    """Which sessions have not expired: those after both times."""

    now: datetime
    seen_after: datetime

    @property
    def condition(self) -> ColumnElement[bool]:
        """The condition on rows."""
        return (sessions.c.expires_at > self.now) & (sessions.c.last_seen_at > self.seen_after)


class SessionStore:
    """The sessions of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, session: Session, user: User, valid: Valid, replaced: str | None) -> bool:
        """Insert a session, unless the user has been disabled or has got another password.

        Args:
            session: the new session.
            user: its user, as read when the password was checked.
            valid: the sessions to keep; expired ones are deleted.
            replaced: the hash of the token of the browser's last session, which ends.

        Returns:
            Whether the session was inserted.
        """

        def work(connection: Connection) -> bool:
            if not is_unchanged(connection, user):
                return False
            connection.execute(delete(sessions).where(~valid.condition))
            if replaced is not None:
                connection.execute(delete(sessions).where(sessions.c.token_sha256 == replaced))
            insert_session(connection, session)
            return True

        # On a full disk too: a log-in precedes the deletes that make room.
        return await self._database.write(work, may_use_reserve=True, wakes=False)

    async def with_user(self, token_sha256: str) -> tuple[Session, User] | None:
        """The session of a token, and its user: one query by indexes."""
        row = await self._database.read(
            lambda connection: connection.execute(_AND_USER, {"token": token_sha256}).first()
        )
        return None if row is None else (_session(row._mapping, "session_"), user_of(row))  # noqa: SLF001  # its public name

    async def get(self, session_id: SessionId) -> Session:
        """The session with this id.

        Raises:
            NotFound: there is none.
        """
        query = select(sessions).where(sessions.c.id == session_id)
        row = await self._database.read(lambda connection: connection.execute(query).first())
        if row is None:
            raise NotFound(NO_SUCH_ID)
        return _of_row(row)

    async def page(
        self, user_id: UserId, valid: Valid, *, limit: int, after: UUID | None
    ) -> Page[Session]:
        """Valid sessions of a user, the newest first, older than `after`."""
        of_user = select(sessions).where(sessions.c.user_id == user_id).where(valid.condition)
        query = newest(of_user, sessions.c.id, limit=limit, after=after)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return page_of(rows, limit, _of_row)

    async def remove(self, session_id: SessionId) -> None:
        """Delete a session, which ends immediately.

        Raises:
            NotFound: there is none.
        """
        if not await self._deleted(sessions.c.id == session_id):
            raise NotFound(NO_SUCH_ID)

    async def remove_by_token(self, token_sha256: str) -> None:
        """Delete the session of a token, if there is one."""
        await self._deleted(sessions.c.token_sha256 == token_sha256)

    async def note_seen(self, seen: Mapping[SessionId, datetime]) -> None:
        """Record when sessions last sent a request."""
        rows = [{"session": session_id, "seen": instant} for session_id, instant in seen.items()]
        await self._database.write(
            lambda connection: connection.execute(_NOTE_SEEN, rows), wakes=False
        )

    async def _deleted(self, condition: ColumnElement[bool]) -> int:
        query = delete(sessions).where(condition)
        return await self._database.write(
            lambda connection: connection.execute(query).rowcount,
            may_use_reserve=True,
            wakes=False,
        )


def insert_session(connection: Connection, session: Session) -> None:
    """Insert a session, and delete the oldest of a user who has the maximum number."""
    of_user = select(sessions.c.id).where(sessions.c.user_id == session.user_id)
    kept = of_user.order_by(sessions.c.id.desc()).limit(MAX_OF_USER - 1)
    connection.execute(
        delete(sessions).where(sessions.c.user_id == session.user_id, sessions.c.id.not_in(kept))
    )
    values = {column.name: getattr(session, column.name) for column in sessions.columns}
    connection.execute(insert(sessions), [values])


def _session(values: Mapping[Any, Any], prefix: str = "") -> Session:
    return Session(
        id=SessionId(values[f"{prefix}id"]),
        user_id=UserId(values[f"{prefix}user_id"]),
        token_sha256=values[f"{prefix}token_sha256"],
        created_at=values[f"{prefix}created_at"],
        last_seen_at=values[f"{prefix}last_seen_at"],
        expires_at=values[f"{prefix}expires_at"],
        user_agent=values[f"{prefix}user_agent"],
        address=values[f"{prefix}address"],
    )


def _of_row(row: Row[Any]) -> Session:
    return _session(row._mapping)  # noqa: SLF001  # its public name


_AND_USER = (
    select(users, *(column.label(f"session_{column.name}") for column in sessions.columns))
    .join_from(sessions, users, users.c.id == sessions.c.user_id)
    .where(sessions.c.token_sha256 == bindparam("token"))
)
_NOTE_SEEN = (
    update(sessions)
    .where(sessions.c.id == bindparam("session"))
    .values(last_seen_at=bindparam("seen"))
)
