"""The election while PostgreSQL cannot be reached."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from imagesvc.store.db.postgres.election import Election
from tests.waiting import PATIENCE

pytestmark = pytest.mark.anyio
ATTEMPTS = 3


async def test_an_outage_is_logged_once() -> None:
    """There is an attempt each second."""
    attempts = 0
    enough = asyncio.Event()

    async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal attempts
        attempts += 1
        writer.close()
        if attempts > ATTEMPTS:
            enough.set()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    election = Election({"host": "127.0.0.1", "port": port, "user": "a", "sslmode": "disable"})
    with capture_logs() as lines:
        waiting = asyncio.create_task(election.elected())
        await asyncio.wait_for(enough.wait(), PATIENCE)
        waiting.cancel()
        await election.stop()
    server.close()

    assert [line["action"] for line in lines] == ["leader.lost"]
