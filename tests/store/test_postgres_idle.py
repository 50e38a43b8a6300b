"""How statements are sent to PostgreSQL."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from imagesvc.store.db.postgres.database import PostgresDatabase
from imagesvc.store.images import ImageStore
from tests.conftest import EMPTY
from tests.postgres import Postgres
from tests.store.rows import image_and_job
from tests.waiting import PATIENCE, until_async

pytestmark = [pytest.mark.anyio, pytest.mark.cluster]


async def test_each_statement_ends_before_the_next_one(postgres: Postgres, tmp_path: Path) -> None:
    """Otherwise PostgreSQL would not end the transaction of a node that is stopped in between."""
    path = tmp_path / "messages"
    rows = [{"key": bytes([number])} for number in range(3)]

    def work(connection: Connection) -> None:
        driver = connection.connection.driver_connection
        assert driver is not None
        with path.open("wb") as file:
            driver.pgconn.trace(file.fileno())
            connection.execute(
                text("INSERT INTO log_in_tries (key, full_at) VALUES (:key, now())"), rows
            )
            driver.pgconn.untrace()

    with postgres.copy_of(EMPTY) as url:
        node = PostgresDatabase(url)
        try:
            await node.write(work)
            count = await node.read(
                lambda connection: connection.scalar(text("SELECT count(*) FROM log_in_tries"))
            )
        finally:
            await node.close()

    sent = [
        line.split("\t")[3].split()[0] for line in path.read_text().splitlines() if "\tF\t" in line
    ]
    assert count == len(rows)
    after = [later for message, later in pairwise(sent) if message == "Execute"]
    assert after == ["Sync"] * len(rows), path.read_text()


KEEPER = """
import asyncio, sys
from imagesvc.store.db.postgres.database import PostgresDatabase

async def keep():
    database = PostgresDatabase(sys.argv[1])
    try:
        async with database.blobs_kept():
            await asyncio.to_thread(sys.stdin.read)
    finally:
        await database.close()

asyncio.run(keep())
"""
"""What keeps uploads and deletions waiting until it may end, as the last attempt of a backup."""
HOLDER = text(
    "SELECT state_change FROM pg_stat_activity JOIN pg_locks USING (pid) "
    "WHERE relation = 'blobs'::regclass AND mode = 'ShareLock' AND granted"
)


async def test_a_backup_that_is_stopped_does_not_hold_up_uploads(postgres: Postgres) -> None:
    """While it runs, it shows that by statements; in the end it fails."""
    with postgres.copy_of(EMPTY) as url:
        node = PostgresDatabase(url)

        async def seen() -> object:
            return await node.read(lambda connection: connection.scalar(HOLDER))

        keeper = await asyncio.create_subprocess_exec(
            sys.executable, "-c", KEEPER, url, stdin=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            first = await until_async(seen)

            async def is_seen_again() -> bool:
                return await seen() != first

            await until_async(is_seen_again)
            assert await seen()
            keeper.send_signal(signal.SIGSTOP)
            await asyncio.wait_for(ImageStore(node).add(*image_and_job()), PATIENCE)
            keeper.send_signal(signal.SIGCONT)
            _, complaint = await asyncio.wait_for(keeper.communicate(b""), PATIENCE)
        finally:
            if keeper.returncode is None:
                keeper.kill()
                await keeper.wait()
            await node.close()

    assert b"repeat the backup" in complaint, complaint
