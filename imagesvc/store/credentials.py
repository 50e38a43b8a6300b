"""Queries about API keys and logins: their users and their expiry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from imagesvc.errors import NO_SUCH_ID, NotFound
from imagesvc.model.accounts import ApiKey, Login, User
from imagesvc.model.ids import KeyId, LoginId, UserId
from imagesvc.store.accounts import insert_key, is_unchanged, user_of
from imagesvc.store.db.database import Database
from imagesvc.store.db.pages import Page, newest, page_of
from imagesvc.store.db.schema.accounts import api_keys, logins, users


class KeyStore:
    """The API keys of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, key: ApiKey) -> None:
        """Insert a key.

        Raises:
            NotFound: its user is gone.
        """

        def work(connection: Connection) -> None:
            if connection.scalar(select(users.c.id).where(users.c.id == key.user_id)) is None:
                raise NotFound(NO_SUCH_ID)
            insert_key(connection, key)

        await self._database.write(work, wakes=False)

    async def with_user(self, key_id: KeyId) -> tuple[ApiKey, User] | None:
        """A key and its user: one query by primary keys."""
        row = await self._database.read(
            lambda connection: connection.execute(_KEY_AND_USER, {"id": key_id}).first()
        )
        return None if row is None else (_prefixed_key(row), user_of(row))

    async def get(self, key_id: KeyId) -> ApiKey:
        """The key with this id.

        Raises:
            NotFound: there is none.
        """
        found = await self.with_user(key_id)
        if found is None:
            raise NotFound(NO_SUCH_ID)
        return found[0]

    async def page(self, user_id: UserId, *, limit: int, after: UUID | None) -> Page[ApiKey]:
        """Keys of a user, the newest first, older than `after`."""
        of_user = select(api_keys).where(api_keys.c.user_id == user_id)
        query = newest(of_user, api_keys.c.id, limit=limit, after=after)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return page_of(rows, limit, lambda row: _key(row._mapping))  # noqa: SLF001  # its public name

    async def remove(self, key_id: KeyId) -> None:
        """Delete a key, which stops working immediately.

        Raises:
            NotFound: there is none.
        """
        query = delete(api_keys).where(api_keys.c.id == key_id)
        gone = await self._database.write(
            lambda connection: connection.execute(query).rowcount,
            may_use_reserve=True,
            wakes=False,
        )
        if not gone:
            raise NotFound(NO_SUCH_ID)

    async def note_uses(self, uses: Mapping[KeyId, datetime]) -> None:
        """Write down when keys were last used."""
        rows = [{"key": key_id, "used": instant} for key_id, instant in uses.items()]
        await self._database.write(
            lambda connection: connection.execute(_NOTE_USE, rows), wakes=False
        )


class LoginStore:
    """The logins of one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, login: Login, user: User) -> bool:
        """Insert a login, unless its user has been disabled or has got another password.

        Those that have expired are cleared away.

        Args:
            login: the new login.
            user: its user, as read when the password was checked.

        Returns:
            Whether the login was inserted.
        """

        def work(connection: Connection) -> bool:
            if not is_unchanged(connection, user):
                return False
            connection.execute(delete(logins).where(logins.c.expires_at < login.created_at))
            connection.execute(
                insert(logins),
                [{column.name: getattr(login, column.name) for column in logins.columns}],
            )
            return True

        return await self._database.write(work, wakes=False)

    async def with_user(self, login_id: LoginId) -> tuple[Login, User] | None:
        """A login and its user: one read by primary keys."""
        row = await self._database.read(
            lambda connection: connection.execute(_LOGIN_AND_USER, {"id": login_id}).first()
        )
        return None if row is None else (_prefixed_login(row), user_of(row))

    async def rotate(
        self, login_id: LoginId, old_sha256: str, new_sha256: str, expires_at: datetime
    ) -> bool:
        """Replace the refresh token.

        False, and the login is deleted, if the old one was not current. A refresh token used twice
        has been stolen or replayed, so the login is revoked (RFC 9700, section 4.14.2).
        """
        current = (logins.c.id == login_id) & (logins.c.refresh_sha256 == old_sha256)
        replace = (
            update(logins).where(current).values(refresh_sha256=new_sha256, expires_at=expires_at)
        )

        def work(connection: Connection) -> bool:
            if connection.execute(replace).rowcount:
                return True
            connection.execute(delete(logins).where(logins.c.id == login_id))
            return False

        return await self._database.write(work, wakes=False)

    async def remove(self, login_id: LoginId) -> None:
        """End a login with all its tokens; nothing happens when it has ended."""
        query = delete(logins).where(logins.c.id == login_id)
        await self._database.write(
            lambda connection: connection.execute(query),
            may_use_reserve=True,
            wakes=False,
        )


def _key(values: Mapping[Any, Any], prefix: str = "") -> ApiKey:
    return ApiKey(
        id=KeyId(values[f"{prefix}id"]),
        user_id=UserId(values[f"{prefix}user_id"]),
        name=values[f"{prefix}name"],
        secret_sha256=values[f"{prefix}secret_sha256"],
        scopes=tuple(values[f"{prefix}scopes"]),
        created_at=values[f"{prefix}created_at"],
        expires_at=values[f"{prefix}expires_at"],
        last_used_at=values[f"{prefix}last_used_at"],
    )


def _prefixed_key(row: Row[Any]) -> ApiKey:
    return _key(row._mapping, "key_")  # noqa: SLF001  # its public name


def _prefixed_login(row: Row[Any]) -> Login:
    return Login(
        id=LoginId(row.login_id),
        user_id=UserId(row.login_user_id),
        refresh_sha256=row.login_refresh_sha256,
        scopes=tuple(row.login_scopes),
        created_at=row.login_created_at,
        expires_at=row.login_expires_at,
    )


_KEY_AND_USER = (
    select(users, *(column.label(f"key_{column.name}") for column in api_keys.columns))
    .join_from(api_keys, users, users.c.id == api_keys.c.user_id)
    .where(api_keys.c.id == bindparam("id"))
)
_LOGIN_AND_USER = (
    select(users, *(column.label(f"login_{column.name}") for column in logins.columns))
    .join_from(logins, users, users.c.id == logins.c.user_id)
    .where(logins.c.id == bindparam("id"))
)
_NOTE_USE = (
    update(api_keys).where(api_keys.c.id == bindparam("key")).values(last_used_at=bindparam("used"))
)
