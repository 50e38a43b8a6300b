"""Queries about saved searches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from imagesvc.errors import NO_SUCH_ID, Conflict, NotFound
from imagesvc.model.ids import SearchId, UserId
from imagesvc.model.saved import SavedSearch
from imagesvc.store.db.database import Database
from imagesvc.store.db.pages import Page, newest, page_of
from imagesvc.store.db.schema.saved import searches

MAX_OF_USER = 200


class SavedSearchStore:
    """The saved searches of one database; each belongs to one user, or to a server's only one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, search: SavedSearch) -> None:
        """Insert a search.

        Raises:
            Conflict: its user has as many as there may be.
        """
        values = {name: getattr(search, name) for name in searches.c.keys()}  # noqa: SIM118

        def work(connection: Connection) -> None:
            count = select(func.count()).select_from(searches).where(_of(search.user_id))
            if (connection.scalar(count) or 0) >= MAX_OF_USER:
                raise Conflict(f"{MAX_OF_USER} searches are saved; delete one of them first.")
            connection.execute(insert(searches), [values])

        await self._database.write(work, wakes=False)

    async def page(
        self, user_id: UserId | None, *, limit: int, after: UUID | None
    ) -> Page[SavedSearch]:
        """The searches of a user, the newest first, those older than `after`."""
        query = newest(
            select(searches).where(_of(user_id)), searches.c.id, limit=limit, after=after
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return page_of(rows, limit, _search)

    async def get(self, search_id: SearchId, user_id: UserId | None) -> SavedSearch:
        """A search of a user.

        Raises:
            NotFound: there is no such search of this user.
        """
        return await self._database.read(lambda connection: _get(connection, search_id, user_id))

    async def edit(
        self,
        search_id: SearchId,
        user_id: UserId | None,
        change: Callable[[SavedSearch], SavedSearch],
        *,
        now: datetime,
    ) -> SavedSearch:
        """Change the name or the text of a search.

        Raises:
            NotFound: there is no such search of this user.
        """

        def work(connection: Connection) -> SavedSearch:
            changed = replace(change(_get(connection, search_id, user_id)), updated_at=now)
            values = {name: getattr(changed, name) for name in ("name", "q", "updated_at")}
            connection.execute(update(searches).where(searches.c.id == search_id).values(values))
            return changed

        return await self._database.write(work, wakes=False)

    async def remove(self, search_id: SearchId) -> None:
        """Delete a search."""
        await self._database.write(
            lambda connection: connection.execute(
                delete(searches).where(searches.c.id == search_id)
            ),
            may_use_reserve=True,
            wakes=False,
        )


def _of(user_id: UserId | None) -> ColumnElement[bool]:
    return searches.c.user_id == user_id  # `IS NULL` without a user


def _get(connection: Connection, search_id: SearchId, user_id: UserId | None) -> SavedSearch:
    query = select(searches).where(searches.c.id == search_id, _of(user_id))
    row = connection.execute(query).first()
    if row is None:
        raise NotFound(NO_SUCH_ID)
    return _search(row)


def _search(row: Row[Any]) -> SavedSearch:
    return SavedSearch(
        id=SearchId(row.id),
        user_id=None if row.user_id is None else UserId(row.user_id),
        name=row.name,
        q=row.q,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
