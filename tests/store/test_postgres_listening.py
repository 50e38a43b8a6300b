"""What is logged when a connection that listens is opened again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest
from structlog.testing import capture_logs

from imagesvc.cancellation import end
from imagesvc.store.db.postgres.listening import Connected, Said, listen
from tests.conftest import EMPTY
from tests.postgres import Postgres
from tests.waiting import PATIENCE

pytestmark = [pytest.mark.anyio, pytest.mark.cluster]


async def test_an_outage_is_logged_once(postgres: Postgres) -> None:
    """Also when new connections listen, and fail then, as in a database that only reads."""
    connections = 0
    caught_up = asyncio.Event()

    async def follow(connection: Connected) -> AsyncGenerator[None]:
        nonlocal connections
        connections += 1
        if connections <= 3:
            await connection.execute("SELECT 1 / 0")
        yield
        caught_up.set()
        async for _ in connection.notifies():
            yield

    with postgres.copy_of(EMPTY) as url, capture_logs() as lines:
        options = {"conninfo": url.replace("+psycopg", "")}
        lost, again = Said("lost", "test.lost"), Said("again", "test.again")
        task = asyncio.create_task(listen(options, "test", follow, lost=lost, again=again))
        try:
            await asyncio.wait_for(caught_up.wait(), PATIENCE)
        finally:
            await end(task)

    assert [line["action"] for line in lines] == ["test.lost", "test.again"]
