"""How statements are sent to PostgreSQL."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from imagesvc.store.db.postgres.database import PostgresDatabase
from tests.conftest import EMPTY
from tests.postgres import Postgres

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
