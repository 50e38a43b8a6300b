"""The id of an installation."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select

from imagesvc.library.identity import Identity
from imagesvc.store.db.database import Database
from imagesvc.store.db.identity import installation_in
from imagesvc.store.db.schema.installation import installation
from imagesvc.store.images import ImageStore

pytestmark = pytest.mark.anyio


async def test_servers_that_start_at_once_have_one_id(database: Database) -> None:
    """It stays at later starts."""
    servers = [Identity(database, ImageStore(database), None, None) for _ in range(6)]
    assert await database.read(installation_in) is None

    await asyncio.gather(*(server.make() for server in servers))

    made = await database.read(installation_in)
    await servers[0].make()
    assert await database.read(installation_in) == made
    count = select(func.count()).select_from(installation)
    assert await database.read(lambda connection: connection.scalar(count)) == 1
