"""The id of an installation, which its rows have wherever they are moved."""

from __future__ import annotations

from uuid import UUID, uuid4

from sqlalchemy import Connection, insert, select

from imagesvc.store.db.schema.installation import installation


def installation_in(connection: Connection) -> UUID | None:
    """The id; None when no server has started on this database yet."""
    found: UUID | None = connection.scalar(select(installation.c.id))
    return found


def make_installation(connection: Connection) -> UUID:
    """The id, which is made when there is none."""
    found = installation_in(connection)
    if found is None:
        found = uuid4()
        connection.execute(insert(installation), [{"id": found}])
    return found
