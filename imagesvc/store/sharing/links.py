"""Queries that shares and links for uploads share: each has an owner and a secret token."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Row, Table, bindparam, delete, func, insert, select, update

from imagesvc.errors import NO_SUCH_ID, Conflict, NotFound
from imagesvc.model.images import Viewer
from imagesvc.model.sharing import Share, UploadLink
from imagesvc.store.db.database import Database
from imagesvc.store.db.pages import Page, newest, page_of
from imagesvc.store.db.schema.accounts import users

L = TypeVar("L", bound=Share | UploadLink)


class LinkStore(Generic[L]):
    """The links in one table.

    Args:
        database: where they are.
        table: their table.
        link_of: makes a link of a row.
        editable: the columns that `edit` writes.
        max_of_owner: how many one owner may have.
    """

    def __init__(
        self,
        database: Database,
        table: Table,
        link_of: Callable[[Row[Any]], L],
        editable: Sequence[str],
        max_of_owner: int,
    ) -> None:
        self._database = database
        self._table = table
        self._link_of = link_of
        self._editable = editable
        self._max_of_owner = max_of_owner
        self._of_token = (
            select(table)
            .join_from(table, users, users.c.id == table.c.owner_id, isouter=True)
            .where(table.c.token_sha256 == bindparam("token"), users.c.is_disabled.is_not(True))
        )

    async def add(self, link: L) -> None:
        """Insert a link.

        Raises:
            Conflict: its owner has as many as there may be.
        """
        values = {column.name: getattr(link, column.name) for column in self._table.columns}

        def work(connection: Connection) -> None:
            of_owner = self._table.c.owner_id == link.owner_id  # `IS NULL` without an owner
            count = select(func.count()).select_from(self._table).where(of_owner)
            if (connection.scalar(count) or 0) >= self._max_of_owner:
                most = f"{self._max_of_owner:,}"
                raise Conflict(f"There may be {most} of these links; withdraw one of them first.")
            connection.execute(insert(self._table), [values])

        await self._database.write(work, wakes=False)

    async def get(self, link_id: UUID) -> L:
        """The link with this id.

        Raises:
            NotFound: there is none.
        """
        return await self._database.read(lambda connection: self._get(connection, link_id))

    async def of_token(self, token_sha256: str) -> L | None:
        """The link of a token, unless its owner has been disabled."""
        row = await self._database.read(
            lambda connection: connection.execute(self._of_token, {"token": token_sha256}).first()
        )
        return None if row is None else self._link_of(row)

    async def page(self, viewer: Viewer, *, limit: int, after: UUID | None) -> Page[L]:
        """Links, the newest first, older than `after`."""
        seen = select(self._table)
        if not viewer.sees_all:
            seen = seen.where(self._table.c.owner_id == viewer.owner_id)
        query = newest(seen, self._table.c.id, limit=limit, after=after)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return page_of(rows, limit, self._link_of)

    async def edit(self, link_id: UUID, change: Callable[[L], L]) -> L:
        """Change the editable fields, in one transaction; `change` depends on nothing else.

        Raises:
            NotFound: there is no such link.
        """

        def work(connection: Connection) -> L:
            changed = change(self._get(connection, link_id))
            values = {name: getattr(changed, name) for name in self._editable}
            query = update(self._table).where(self._table.c.id == link_id)
            connection.execute(query.values(values))
            return changed

        return await self._database.write(work, wakes=False)

    async def remove(self, link_id: UUID) -> None:
        """Delete a link, which ends it immediately.

        Raises:
            NotFound: there is none.
        """
        query = delete(self._table).where(self._table.c.id == link_id)
        if not await self._database.write(
            lambda connection: connection.execute(query).rowcount,
            may_use_reserve=True,
            wakes=False,
        ):
            raise NotFound(NO_SUCH_ID)

    def _get(self, connection: Connection, link_id: UUID) -> L:
        query = select(self._table).where(self._table.c.id == link_id)
        row = connection.execute(query).first()
        if row is None:
            raise NotFound(NO_SUCH_ID)
        return self._link_of(row)
